/* Workers that do what is hard to live with: they end the process, fork at their end, fail when there are no more threads,
 * are a thousand, and call what stands above them; and odd limits, buffers and handles. */
/* flags: -ldl */
#define _GNU_SOURCE 1

#include "kvreg.h"

#include "child.h"
#include "threads.h"

#include <dlfcn.h>
#include <errno.h>

static int get(int *number) { return __atomic_load_n(number, __ATOMIC_ACQUIRE); }
static void set(int *number, int value) { __atomic_store_n(number, value, __ATOMIC_RELEASE); }
static int count(int *number) { return __atomic_fetch_add(number, 1, __ATOMIC_ACQ_REL); }
static void until(int *number, int wanted) {
    while (get(number) < wanted) sched_yield();
}

static kvreg_supervisor supervisor;

static kvreg_supervisor started(uint32_t max_restarts, uint64_t window_ms, uint32_t strategy) {
    kvreg_supervisor_options options = KVREG_SUPERVISOR_OPTIONS_INIT;
    kvreg_supervisor made = 0;
    options.max_restarts = max_restarts;
    options.window_ms = window_ms;
    options.strategy = strategy;
    CHECK_EQ(kvreg_supervisor_start(&options, &made), KVREG_OK);
    return made;
}

static kvreg_worker added(kvreg_worker_function function, void *data, kvreg_destroy_function destroy, uint32_t restart) {
    kvreg_worker_options options = KVREG_WORKER_OPTIONS_INIT;
    kvreg_worker worker = 0;
    options.timeout_ms = -1;
    options.restart = restart;
    CHECK_EQ(kvreg_supervisor_add(supervisor, &options, function, data, destroy, &worker), KVREG_OK);
    return worker;
}

static int32_t wait_for_the_end(void *data, kvreg_worker worker) {
    if (data != NULL) count((int *)data);
    return kvreg_worker_wait(worker, -1) == KVREG_STOPPED ? 0 : 1;
}

/* Cases that end the process: children of a process that has not used kvreg yet, which may. */

static int32_t end_the_process(void *data, kvreg_worker worker) {
    (void)worker;
    exit(data == NULL ? 7 : 0);
}

static int end_in_a_worker(void) {
    supervisor = started(3, 5000, 0);
    added(wait_for_the_end, NULL, NULL, 0);
    added(end_the_process, &supervisor, NULL, 0);
    for (;;) pause();
    return 1;
}

static void stop_at_exit(void) {
    /* A worker's thread runs this: it must not wait for itself. */
    if (kvreg_supervisor_stop(supervisor) != KVREG_DEADLOCK) _exit(3);
}

static int end_in_a_worker_with_a_handler(void) {
    if (atexit(stop_at_exit) != 0) return 1;
    return end_in_a_worker();
}

static int32_t never_end(void *data, kvreg_worker worker) {
    (void)worker;
    set((int *)data, 1);
    for (;;) pause();
    return 1;
}

static int leave_one_behind(void) {
    static int begun;
    kvreg_worker_options options = KVREG_WORKER_OPTIONS_INIT;
    kvreg_worker worker = 0;
    supervisor = started(3, 5000, 0);
    options.timeout_ms = 1;
    CHECK_EQ(kvreg_supervisor_add(supervisor, &options, never_end, &begun, NULL, &worker), KVREG_OK);
    until(&begun, 1);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_TIMED_OUT);
    return child_code(); /* and it runs on while the process ends */
}

TEST(workers_and_the_end_of_the_process) {
    CHILD_RUN(end_in_a_worker);
    CHILD_RUN(end_in_a_worker_with_a_handler);
    CHILD_RUN(leave_one_behind);
}

/* What the threads had that a child does not have is lost in it: no search for leaks. */
static void leave(void) { _exit(0); }

/* In the child: all calls come back. */
static void fork_and_go_on(void *data) {
    int *state = (int *)data;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        child_lost_threads = 1;
        check_broken = 0;
        if (atexit(leave) != 0) _exit(1);
        set(state, -1);
        return;
    }
    int status = -1;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    count(state);
}

static void log_and_fork(void *data, uint32_t level, const char *text, size_t len) {
    (void)level, (void)text, (void)len;
    if (get((int *)data) == 0) fork_and_go_on(data);
}

static int silent;

static void fall_silent(void *data) {
    (void)data;
    set(&silent, 1);
}

static int32_t fail(void *data, kvreg_worker worker) {
    (void)data, (void)worker;
    return 1;
}

TEST(the_end_of_a_worker_forks) {
    for (int others = 0; others < 2; others++) {
        static int state;
        set(&state, 0);
        supervisor = started(3, 5000, 0);
        if (others) added(wait_for_the_end, NULL, NULL, 0);
        /* A worker whose data is destroyed by the stop of the supervisor, or by its own. */
        kvreg_worker last = added(wait_for_the_end, &state, fork_and_go_on, 0);
        until(&state, 1);
        set(&state, 0);
        const kvreg_status status = others ? kvreg_worker_stop(last, -1) : kvreg_supervisor_stop(supervisor);
        if (get(&state) < 0) exit(status == KVREG_FORKED || status == KVREG_OK ? 0 : 1);
        CHECK_EQ(status, KVREG_OK);
        if (others) CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
        CHECK_EQ(get(&state), 1);
    }
}

TEST(the_log_forks_when_a_worker_fails) {
    static int state;
    uint32_t life = 0;
    set(&state, 0);
    CHECK_EQ(kvreg_log_set(KVREG_LOG_DEBUG, log_and_fork, &state, fall_silent), KVREG_OK);
    supervisor = started(2, 5000, 0);
    added(fail, NULL, NULL, 0);
    CHECK_EQ(kvreg_supervisor_wait(supervisor, -1, &life), KVREG_OK);
    until(&state, 1);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
    CHECK_EQ(kvreg_log_set(KVREG_LOG_DEBUG, NULL, NULL, NULL), KVREG_OK);
    until(&silent, 1); /* several threads may have been in it */
}

/* A system without threads. */

static int refuse;
static int refused;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *data) {
    typedef int (*function)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    static function real;
    if (real == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "pthread_create");
        memcpy(&real, &symbol, sizeof real);
    }
    if (get(&refuse)) {
        count(&refused);
        return EAGAIN;
    }
    return real(thread, attributes, start, data);
}

static void destroy(void *data) { count((int *)data); }

static int32_t fail_when_told(void *data, kvreg_worker worker) {
    count((int *)data);
    while (!get(&refuse))
        if (kvreg_worker_wait(worker, 1) == KVREG_STOPPED) return 0;
    return 1;
}

TEST(the_system_gives_no_threads) {
    static int starts, destroyed;
    kvreg_supervisor_info info = KVREG_SUPERVISOR_INFO_INIT;
    kvreg_worker_info mine = KVREG_WORKER_INFO_INIT;
    kvreg_worker worker = 7;
    uint32_t life = 0;
    for (uint32_t limit = 3; limit != 0; limit = limit == 3 ? UINT32_MAX : 0) {
        set(&starts, 0), set(&refused, 0), set(&destroyed, 0);
        supervisor = started(limit, INT64_MAX, 0);
        const kvreg_worker first = added(fail_when_told, &starts, NULL, 0);
        until(&starts, 1);
        set(&refuse, 1);
        CHECK_EQ(kvreg_supervisor_add(supervisor, NULL, fail, &destroyed, destroy, &worker), KVREG_IO);
        CHECK(worker == 0 && get(&destroyed) == 1);
        if (limit == 3) {
            CHECK_EQ(kvreg_supervisor_wait(supervisor, -1, &life), KVREG_OK);
            CHECK_EQ(life, KVREG_STATE_FAILED);
            CHECK_EQ(get(&refused), 4);
        } else {
            until(&refused, 10); /* it goes on trying, and still answers */
            CHECK_EQ(kvreg_supervisor_stats(supervisor, &info), KVREG_OK);
            CHECK(info.state == KVREG_STATE_RUNNING && info.restarts >= 8);
            CHECK_EQ(kvreg_worker_stats(first, &mine), KVREG_OK);
            set(&refuse, 0);
            until(&starts, 2);
        }
        set(&refuse, 0);
        CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
    }
    /* The stop comes while there are none. */
    set(&starts, 0), set(&refused, 0);
    supervisor = started(UINT32_MAX, INT64_MAX, KVREG_STRATEGY_ONE_FOR_ALL);
    added(fail_when_told, &starts, NULL, 0);
    added(fail_when_told, &starts, NULL, 0);
    until(&starts, 2);
    set(&refuse, 1);
    until(&refused, 3);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
    set(&refuse, 0);
}

TEST(a_thousand_workers) {
    const int many = check_rounds(1000);
    static int starts;
    static uint64_t ids[1000];
    set(&starts, 0), set(&refuse, 0);
    supervisor = started(10, 1000000, KVREG_STRATEGY_ONE_FOR_ALL);
    for (int i = 0; i < many; i++) added(wait_for_the_end, &starts, NULL, 0);
    until(&starts, many);
    CHECK_EQ(kvreg_supervisor_children(supervisor, ids, 1000), many);
    added(fail, NULL, NULL, KVREG_RESTART_TRANSIENT);
    uint32_t life = 0;
    CHECK_EQ(kvreg_supervisor_wait(supervisor, -1, &life), KVREG_OK);
    CHECK_EQ(life, KVREG_STATE_FAILED);
    CHECK_EQ(get(&starts), 11 * many);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
}

static int32_t fail_some(void *data, kvreg_worker worker) {
    return count((int *)data) < 50 ? -1 : wait_for_the_end(NULL, worker);
}

TEST(odd_limits) {
    static const struct {
        uint32_t max_restarts;
        uint64_t window_ms;
        bool fails;
    } limits[] = {
        {0, 0, true},          {0, UINT64_MAX, true},  {1, INT64_MAX, true},
        {49, UINT64_MAX, true}, {50, UINT64_MAX, false}, {UINT32_MAX, UINT64_MAX, false},
        {UINT32_MAX, 0, false},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        static int starts;
        uint32_t life = 0;
        set(&starts, 0);
        supervisor = started(limits[i].max_restarts, limits[i].window_ms, 0);
        added(fail_some, &starts, NULL, 0);
        if (limits[i].fails) {
            CHECK_EQ(kvreg_supervisor_wait(supervisor, INT64_MAX, &life), KVREG_OK);
            CHECK_EQ(life, KVREG_STATE_FAILED);
            CHECK_EQ(get(&starts), limits[i].max_restarts + 1);
        } else {
            until(&starts, 51);
            CHECK_EQ(kvreg_supervisor_wait(supervisor, 0, &life), KVREG_TIMED_OUT);
        }
        CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
    }
}

static int32_t wait_for_ages(void *data, kvreg_worker worker) {
    count((int *)data);
    return kvreg_worker_wait(worker, INT64_MAX) == KVREG_STOPPED ? 0 : 1;
}

TEST(odd_times_and_buffers) {
    static int starts;
    set(&starts, 0);
    kvreg_worker_options options = KVREG_WORKER_OPTIONS_INIT;
    kvreg_worker worker = 0;
    supervisor = started(3, 5000, 0);
    options.timeout_ms = INT64_MAX;
    CHECK_EQ(kvreg_supervisor_add(supervisor, &options, wait_for_ages, &starts, NULL, &worker), KVREG_OK);
    until(&starts, 1);
    char text[200];
    memset(text, 'x', sizeof text);
    const int64_t len = kvreg_supervisor_describe(supervisor, NULL, 0);
    CHECK(len > 0 && len < (int64_t)sizeof text);
    for (int64_t i = 0; i < len; i++) CHECK_EQ(kvreg_supervisor_describe(supervisor, text, (size_t)i), len);
    CHECK(text[0] == 'x');
    CHECK_EQ(kvreg_supervisor_describe(supervisor, text, (size_t)len), len);
    CHECK(text[len - 1] == '\n' && text[len] == 'x');
    CHECK_EQ(kvreg_supervisor_describe(supervisor, text, SIZE_MAX), len);
    uint64_t id = 7;
    CHECK_EQ(kvreg_supervisor_children(supervisor, &id, 0), 1);
    CHECK_EQ(id, 7);
    CHECK_EQ(kvreg_worker_stop(worker, INT64_MAX), KVREG_OK);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
}

TEST(handles_of_other_kinds) {
    kvreg_registry registry = 0;
    kvreg_bucket bucket = 0;
    uint32_t life;
    uint64_t id = 7;
    char text[8];
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "b", 1, &bucket), KVREG_OK);
    supervisor = started(3, 5000, 0);
    const kvreg_worker worker = added(wait_for_the_end, NULL, NULL, 0);
    const uint64_t wrong[] = {0, 1, registry, bucket, worker, UINT64_MAX, INT64_MAX, supervisor + 1, supervisor | 1ull << 52};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        kvreg_supervisor_info info = KVREG_SUPERVISOR_INFO_INIT;
        kvreg_supervisor_options options = KVREG_SUPERVISOR_OPTIONS_INIT;
        CHECK_EQ(kvreg_supervisor_add(wrong[i], NULL, fail, NULL, NULL, &id), KVREG_BAD_HANDLE);
        CHECK_EQ(id, 0);
        CHECK_EQ(kvreg_supervisor_stop(wrong[i]), KVREG_BAD_HANDLE);
        CHECK_EQ(kvreg_supervisor_wait(wrong[i], -1, &life), KVREG_BAD_HANDLE);
        CHECK_EQ(kvreg_supervisor_children(wrong[i], NULL, 0), KVREG_BAD_HANDLE);
        CHECK_EQ(kvreg_supervisor_stats(wrong[i], &info), KVREG_BAD_HANDLE);
        CHECK_EQ(kvreg_supervisor_describe(wrong[i], text, sizeof text), KVREG_BAD_HANDLE);
        options.parent = wrong[i];
        if (wrong[i] != 0) CHECK_EQ(kvreg_supervisor_start(&options, &id), KVREG_BAD_HANDLE);
        if (wrong[i] == worker) continue;
        kvreg_worker_info mine = KVREG_WORKER_INFO_INIT;
        CHECK_EQ(kvreg_worker_wait(wrong[i], -1), KVREG_BAD_HANDLE);
        CHECK_EQ(kvreg_worker_stop(wrong[i], -1), KVREG_BAD_HANDLE);
        CHECK_EQ(kvreg_worker_stats(wrong[i], &mine), KVREG_BAD_HANDLE);
        CHECK_EQ(kvreg_worker_name(wrong[i], text, sizeof text), KVREG_BAD_HANDLE);
    }
    CHECK_EQ(kvreg_create(supervisor, "b", 1, &bucket), KVREG_BAD_HANDLE);
    CHECK_EQ(kvreg_bucket_stop(worker, KVREG_REASON_NORMAL), KVREG_BAD_HANDLE);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
    CHECK_EQ(kvreg_worker_name(worker, text, sizeof text), KVREG_DEAD);
    CHECK_EQ(kvreg_supervisor_describe(supervisor, text, sizeof text), KVREG_STOPPED);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

int main(void) {
    RUN(workers_and_the_end_of_the_process);
    RUN(the_end_of_a_worker_forks);
    RUN(the_log_forks_when_a_worker_fails);
    RUN(the_system_gives_no_threads);
    RUN(a_thousand_workers);
    RUN(odd_limits);
    RUN(odd_times_and_buffers);
    RUN(handles_of_other_kinds);
    return check_end();
}
