/* profiler.h - the profiler of "Elixir in Action": requests per second for the bucket of one of 100 names. */
#ifndef TOUR_PROFILER_H
#define TOUR_PROFILER_H

#include "kvreg.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As in the text. */
enum { TOUR_NAMES = 100, TOUR_OPERATIONS = 100000 };

typedef struct tour_profile {
    double per_second; /* requests of all clients together */
    uint64_t wrong;    /* answers that were not the bucket of the name */
} tour_profile;

/* Makes the 100 buckets. */
kvreg_status tour_profiler_prepare(kvreg_registry registry);
/* One run: `clients` threads with 100,000 requests each. The names are made in the loop, as in the text, or are
 * ready. Gives false if a thread could not be started. */
bool tour_profiler_run(kvreg_registry registry, int clients, bool names_ready, tour_profile *out);

#ifdef __cplusplus
}
#endif
#endif
