/* reader.c - threads in plain C that look names up at full speed, and check every answer.
 *
 * They take no lock, and nobody tells them when a bucket comes or goes: what they see is what the table shows. */
#define _POSIX_C_SOURCE 200809L
#include "reader.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a thread knows of a name. */
typedef struct sight {
    kvreg_bucket bucket; /* 0 until it was found */
    bool vanished;
} sight;

typedef struct reader {
    tour_readers *all;
    pthread_t thread;
    bool started;
    sight *sights;
    /* Written by its own thread only, read by whoever asks for a report. */
    atomic_ulong lookups, found, not_there, wrong, vanished, rounds;
    /* Threads that wrote to one cache line would measure each other. */
    char apart[64];
} reader;

struct tour_readers {
    kvreg_registry registry;
    const tour_name *names;
    size_t count;
    int threads;
    struct timespec start;
    double seconds; /* set at the end */
    atomic_bool end;
    reader readers[];
};

static void add(atomic_ulong *counter, unsigned long n) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static uint64_t value(const atomic_ulong *counter) {
    return atomic_load_explicit((atomic_ulong *)counter, memory_order_relaxed);
}

static double seconds_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* Whether the bucket has the name that led to it. One that has exited since then cannot be asked any more. */
static bool has_name(kvreg_bucket bucket, const tour_name *name) {
    char text[KVREG_NAME_MAX];
    const int64_t len = kvreg_bucket_name(bucket, text, sizeof text);
    if (len == KVREG_DEAD) return true;
    return len == (int64_t)name->len && memcmp(text, name->text, name->len) == 0;
}

static void look_up(reader *self, size_t which) {
    const tour_name *name = &self->all->names[which];
    sight *before = &self->sights[which];
    kvreg_bucket bucket = 0;
    const kvreg_status status = kvreg_lookup(self->all->registry, name->text, name->len, &bucket);
    add(&self->lookups, 1);
    if (status == KVREG_NOT_FOUND) {
        add(&self->not_there, 1);
        if (before->bucket != 0 && !before->vanished) {
            before->vanished = true;
            add(&self->vanished, 1);
        }
        return;
    }
    add(&self->found, 1);
    bool right = status == KVREG_OK && !before->vanished;
    if (before->bucket == 0) {
        right = right && has_name(bucket, name);
        before->bucket = bucket;
    }
    if (!right || before->bucket != bucket) add(&self->wrong, 1);
}

static void *run(void *argument) {
    reader *self = argument;
    while (!atomic_load_explicit(&self->all->end, memory_order_relaxed)) {
        for (size_t i = 0; i < self->all->count; i++) look_up(self, i);
        add(&self->rounds, 1);
    }
    return NULL;
}

tour_readers *tour_readers_start(kvreg_registry registry, const tour_name *names, size_t count, int threads) {
    tour_readers *all = calloc(1, sizeof *all + (size_t)threads * sizeof(reader));
    if (all == NULL) return NULL;
    all->registry = registry;
    all->names = names;
    all->count = count;
    all->threads = threads;
    clock_gettime(CLOCK_MONOTONIC, &all->start);
    for (int i = 0; i < threads; i++) {
        reader *self = &all->readers[i];
        self->all = all;
        self->sights = calloc(count ? count : 1, sizeof(sight));
        self->started = self->sights != NULL && pthread_create(&self->thread, NULL, run, self) == 0;
        if (!self->started) {
            tour_readers_end(all);
            tour_readers_free(all);
            return NULL;
        }
    }
    return all;
}

void tour_readers_wait_round(tour_readers *all) {
    for (int i = 0; i < all->threads; i++) {
        /* The round that is under way may have passed the name that matters, so two ends of a round are awaited. */
        const uint64_t enough = value(&all->readers[i].rounds) + 2;
        while (value(&all->readers[i].rounds) < enough) sched_yield();
    }
}

tour_report tour_readers_report(const tour_readers *all) {
    tour_report sum = {0, 0, 0, 0, 0, 0};
    sum.seconds = all->seconds > 0 ? all->seconds : seconds_since(&all->start);
    for (int i = 0; i < all->threads; i++) {
        const reader *self = &all->readers[i];
        sum.lookups += value(&self->lookups);
        sum.found += value(&self->found);
        sum.not_there += value(&self->not_there);
        sum.wrong += value(&self->wrong);
        sum.vanished += value(&self->vanished);
    }
    return sum;
}

int tour_readers_saw_vanish(const tour_readers *all, size_t name) {
    int threads = 0;
    for (int i = 0; i < all->threads; i++) threads += all->readers[i].sights[name].vanished;
    return threads;
}

void tour_readers_end(tour_readers *all) {
    atomic_store(&all->end, true);
    for (int i = 0; i < all->threads; i++) {
        if (all->readers[i].started) pthread_join(all->readers[i].thread, NULL);
        all->readers[i].started = false;
    }
    all->seconds = seconds_since(&all->start);
}

void tour_readers_free(tour_readers *all) {
    for (int i = 0; i < all->threads; i++) free(all->readers[i].sights);
    free(all);
}
