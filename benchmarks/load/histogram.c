#include "histogram.h"

#include <inttypes.h>

#define STEPS (UINT64_C(1) << HISTOGRAM_BITS)

/* Buckets are one nanosecond wide at first, and twice as wide from each power of two on. */
void histogram_add(struct histogram *histogram, uint64_t nanoseconds, uint64_t times)
{
    int shift = 0;
    if (nanoseconds >= STEPS)
        shift = 63 - __builtin_clzll(nanoseconds) - HISTOGRAM_BITS;
    histogram->counts[((uint64_t)shift << HISTOGRAM_BITS) + (nanoseconds >> shift)] += times;
}

static uint64_t longest_in(uint64_t bucket)
{
    if (bucket < 2 * STEPS)
        return bucket;
    uint64_t shift = (bucket >> HISTOGRAM_BITS) - 1;
    return ((bucket - (shift << HISTOGRAM_BITS) + 1) << shift) - 1;
}

void histogram_print(const struct histogram *histogram, FILE *file)
{
    const char *separator = "";
    fputc('[', file);
    for (uint64_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t count = histogram->counts[bucket];
        if (count) {
            fprintf(file, "%s[%" PRIu64 ",%" PRIu64 "]", separator, longest_in(bucket), count);
            separator = ",";
        }
    }
    fputc(']', file);
}
