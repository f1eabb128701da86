/* The time. */

#ifndef LOAD_CLOCK_H
#define LOAD_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds that a clock shows. */
uint64_t nanoseconds_of(clockid_t clock);

/* Nanoseconds of the clock that goes on steadily. */
uint64_t now(void);

#endif
