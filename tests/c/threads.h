/* threads.h - many threads that start as nearly at one moment as can be. */
#ifndef KVREG_TESTS_THREADS_H
#define KVREG_TESTS_THREADS_H

#include "check.h"

#include <pthread.h>
#include <sched.h>

enum { THREADS_MAX = 64 };

static struct {
    pthread_t threads[THREADS_MAX];
    void (*body)(int index);
    int count, waiting;
} threads;

static inline void *threads_enter(void *index) {
    __atomic_fetch_sub(&threads.waiting, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&threads.waiting, __ATOMIC_ACQUIRE) > 0) sched_yield();
    threads.body((int)(intptr_t)index);
    return NULL;
}

static inline void threads_start(int count, void (*body)(int index)) {
    threads.body = body;
    threads.count = threads.waiting = count;
    for (int i = 0; i < count; i++) {
        if (CHECK(pthread_create(&threads.threads[i], NULL, threads_enter, (void *)(intptr_t)i) == 0)) continue;
        threads.count = i;
        __atomic_store_n(&threads.waiting, 0, __ATOMIC_RELEASE);
        return;
    }
}

static inline void threads_join(void) {
    for (int i = 0; i < threads.count; i++) CHECK(pthread_join(threads.threads[i], NULL) == 0);
}

static inline void threads_run(int count, void (*body)(int index)) {
    threads_start(count, body);
    threads_join();
}

#endif
