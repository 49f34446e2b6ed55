/* profiler.c - the profiler of "Elixir in Action": requests per second for the bucket of one of 100 names.
 *
 * As in the text, the clock runs from before the first client is started until the last one is done, and a request
 * for a name that is not there makes its bucket. */
#define _POSIX_C_SOURCE 200809L
#include "profiler.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_ROOM = 24 };

typedef struct name {
    char text[NAME_ROOM];
    size_t len;
} name;

/* Set once by tour_profiler_prepare; the clients only read them. */
static name ready[TOUR_NAMES];
static kvreg_bucket expected[TOUR_NAMES];

typedef struct client {
    pthread_t thread;
    kvreg_registry registry;
    bool names_ready;
    uint64_t random;
    uint64_t wrong;
} client;

/* By hand: snprintf would take several times as long as the request. */
static size_t make_name(char *text, unsigned number) {
    char digits[10];
    size_t len = strlen("list "), count = 0;
    memcpy(text, "list ", len);
    number++;
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0) text[len++] = digits[--count];
    return len;
}

/* xorshift: a random number must not cost more than the request. */
static unsigned next_number(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (unsigned)((*state >> 32) % TOUR_NAMES);
}

/* The text's server_process/1. */
static kvreg_bucket server_process(kvreg_registry registry, const char *text, size_t len) {
    kvreg_bucket bucket = 0;
    if (kvreg_lookup(registry, text, len, &bucket) == KVREG_NOT_FOUND) kvreg_create(registry, text, len, &bucket);
    return bucket;
}

static void *run_client(void *argument) {
    client *self = argument;
    /* Counted apart from the struct, whose neighbours belong to other clients. */
    uint64_t random = self->random, wrong = 0;
    for (int i = 0; i < TOUR_OPERATIONS; i++) {
        const unsigned number = next_number(&random);
        char made[NAME_ROOM];
        const char *text = made;
        size_t len;
        if (self->names_ready) {
            text = ready[number].text;
            len = ready[number].len;
        } else {
            len = make_name(made, number);
        }
        wrong += server_process(self->registry, text, len) != expected[number];
    }
    self->wrong = wrong;
    return NULL;
}

kvreg_status tour_profiler_prepare(kvreg_registry registry) {
    for (unsigned i = 0; i < TOUR_NAMES; i++) {
        ready[i].len = make_name(ready[i].text, i);
        const kvreg_status status = kvreg_create(registry, ready[i].text, ready[i].len, &expected[i]);
        if (status != KVREG_OK) return status;
    }
    return KVREG_OK;
}

bool tour_profiler_run(kvreg_registry registry, int clients, bool names_ready, tour_profile *out) {
    client *all = calloc((size_t)clients, sizeof *all);
    if (all == NULL) return false;
    struct timespec start, end;
    int started = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (started < clients) {
        client *self = &all[started];
        self->registry = registry;
        self->names_ready = names_ready;
        self->random = 0x9e3779b97f4a7c15u * (uint64_t)(started + 1);
        if (pthread_create(&self->thread, NULL, run_client, self) != 0) break;
        started++;
    }
    out->wrong = 0;
    for (int i = 0; i < started; i++) {
        pthread_join(all[i].thread, NULL);
        out->wrong += all[i].wrong;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    const double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    out->per_second = (double)TOUR_OPERATIONS * clients / seconds;
    free(all);
    return started == clients;
}
