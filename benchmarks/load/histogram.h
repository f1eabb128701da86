/* How often something took how long: buckets that are at most 1/64 wider than what they hold. */

#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_BITS 6
#define HISTOGRAM_BUCKETS ((65 - HISTOGRAM_BITS) << HISTOGRAM_BITS)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t nanoseconds, uint64_t times);

/* Writes those buckets that are not empty as JSON: [[longest time, count], ...]. */
void histogram_print(const struct histogram *histogram, FILE *file);

#endif
