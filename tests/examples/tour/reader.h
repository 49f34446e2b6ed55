/* reader.h - threads in plain C that look names up at full speed, and check every answer. */
#ifndef TOUR_READER_H
#define TOUR_READER_H

#include "kvreg.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tour_readers tour_readers;

/* A name to look up; the bytes stay the caller's, and stay, until the readers have ended. */
typedef struct tour_name {
    const char *text;
    size_t len;
} tour_name;

typedef struct tour_report {
    uint64_t lookups, found;
    uint64_t not_there; /* not yet, or no longer */
    uint64_t wrong;     /* another status, another bucket than before, or a dead bucket found again */
    uint64_t vanished;  /* how often a thread saw a name go that it had found before */
    double seconds;     /* since the start */
} tour_report;

/* NULL if there is no memory or no thread to be had. */
tour_readers *tour_readers_start(kvreg_registry registry, const tour_name *names, size_t count, int threads);
/* Waits until every thread has gone through all names once more, from the first to the last. */
void tour_readers_wait_round(tour_readers *readers);
/* The sums so far, over all threads. */
tour_report tour_readers_report(const tour_readers *readers);
/* How many threads have seen this name go. Call it after tour_readers_end. */
int tour_readers_saw_vanish(const tour_readers *readers, size_t name);
/* Ends the threads; then frees all. */
void tour_readers_end(tour_readers *readers);
void tour_readers_free(tour_readers *readers);

#ifdef __cplusplus
}
#endif
#endif
