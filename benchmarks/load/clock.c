#include "clock.h"

#include "failure.h"

uint64_t nanoseconds_of(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        fail_with_errno("read a clock");
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t now(void)
{
    return nanoseconds_of(CLOCK_MONOTONIC);
}
