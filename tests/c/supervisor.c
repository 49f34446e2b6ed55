/* Supervisors and workers: restarts, limits, order, time-outs, who destroys data, arguments, forks. tests/supervisor.rs
 * has the strategies and trees in depth. */
#define _GNU_SOURCE 1

#include "kvreg.h"

#include "child.h"
#include "threads.h"

#include <signal.h>

/* What a worker is told, and what it says. */
typedef struct {
    int32_t first, later; /* what it returns: at its first start, and after that; SLEEP to wait for its end */
    int starts, ended, destroyed;
    pthread_t ran_in, destroyed_in;
    kvreg_worker worker;
} part;

enum { SLEEP = 1000, STUBBORN = 1001 };

static int let_go;

static int get(int *number) { return __atomic_load_n(number, __ATOMIC_ACQUIRE); }
static int count(int *number) { return __atomic_fetch_add(number, 1, __ATOMIC_ACQ_REL); }
static void until(int *number, int wanted) {
    while (get(number) < wanted) sched_yield();
}

static int32_t play(void *data, kvreg_worker worker) {
    part *mine = (part *)data;
    mine->ran_in = pthread_self();
    mine->worker = worker;
    const int32_t what = count(&mine->starts) == 0 ? mine->first : mine->later;
    if (what == SLEEP) {
        while (kvreg_worker_wait(worker, 60000) == KVREG_TIMED_OUT) {}
        CHECK_EQ(kvreg_worker_wait(worker, 0), KVREG_STOPPED);
    }
    if (what == STUBBORN) until(&let_go, 1);
    count(&mine->ended);
    return what >= SLEEP ? 0 : what;
}

static void destroy(void *data) {
    part *mine = (part *)data;
    __atomic_store_n(&mine->destroyed_in, pthread_self(), __ATOMIC_RELAXED); /* two workers may share one part */
    count(&mine->destroyed);
}

static kvreg_supervisor started(const kvreg_supervisor_options *options) {
    kvreg_supervisor supervisor = 0;
    CHECK_EQ(kvreg_supervisor_start(options, &supervisor), KVREG_OK);
    return supervisor;
}

static kvreg_worker added(kvreg_supervisor supervisor, part *data, int64_t timeout_ms) {
    kvreg_worker_options options = KVREG_WORKER_OPTIONS_INIT;
    kvreg_worker worker = 0;
    options.name = "part";
    options.name_len = 4;
    options.timeout_ms = timeout_ms;
    CHECK_EQ(kvreg_supervisor_add(supervisor, &options, play, data, destroy, &worker), KVREG_OK);
    return worker;
}

static kvreg_supervisor_info info_of(kvreg_supervisor supervisor) {
    kvreg_supervisor_info info = KVREG_SUPERVISOR_INFO_INIT;
    CHECK_EQ(kvreg_supervisor_stats(supervisor, &info), KVREG_OK);
    return info;
}

TEST(a_worker_that_fails_is_restarted) {
    const kvreg_supervisor supervisor = started(NULL);
    part data = {7, SLEEP, 0, 0, 0, 0, 0, 0};
    const kvreg_worker worker = added(supervisor, &data, 5000);
    until(&data.starts, 2);
    kvreg_worker_info info = KVREG_WORKER_INFO_INIT;
    CHECK_EQ(kvreg_worker_stats(worker, &info), KVREG_OK);
    CHECK(info.state == KVREG_STATE_RUNNING && info.restarts == 1 && info.status == 7);
    CHECK_EQ(data.worker, worker);
    char name[16], tree[200];
    CHECK_EQ(kvreg_worker_name(worker, name, sizeof name), 4);
    CHECK_BYTES(name, 4, "part", 4);
    CHECK_EQ(kvreg_worker_name(worker, name, 3), 4);
    uint64_t ids[2] = {0, 0};
    CHECK_EQ(kvreg_supervisor_children(supervisor, ids, 2), 1);
    CHECK(ids[0] == worker && ids[1] == 0);
    const char expected[] = "supervisor supervisor: running, one_for_one, 1 of 1 run, restarts 1\n"
                            "  worker part: running, permanent, restarts 1, status 7\n";
    const int64_t len = kvreg_supervisor_describe(supervisor, tree, sizeof tree);
    CHECK_BYTES(tree, (size_t)len, expected, sizeof expected - 1);
    CHECK_EQ(info_of(supervisor).running, 1);
    CHECK_EQ(get(&data.destroyed), 0);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
    CHECK_EQ(data.destroyed, 1);
    CHECK(pthread_equal(data.destroyed_in, pthread_self()));
    CHECK_EQ(kvreg_worker_stats(worker, &info), KVREG_DEAD);
}

TEST(a_supervisor_gives_up) {
    kvreg_supervisor_options options = KVREG_SUPERVISOR_OPTIONS_INIT;
    options.max_restarts = 10;
    options.window_ms = 1000000;
    const kvreg_supervisor supervisor = started(&options);
    part calm = {SLEEP, SLEEP, 0, 0, 0, 0, 0, 0}, bad = {1, 1, 0, 0, 0, 0, 0, 0};
    uint32_t state = 77;
    CHECK_EQ(kvreg_supervisor_wait(supervisor, 0, &state), KVREG_TIMED_OUT);
    CHECK_EQ(state, KVREG_STATE_RUNNING);
    added(supervisor, &calm, -1);
    until(&calm.starts, 1);
    added(supervisor, &bad, -1);
    CHECK_EQ(kvreg_supervisor_wait(supervisor, -1, &state), KVREG_OK);
    CHECK_EQ(state, KVREG_STATE_FAILED);
    CHECK(get(&bad.starts) == 11 && get(&calm.ended) == 1);
    CHECK_EQ(info_of(supervisor).state, KVREG_STATE_FAILED);
    kvreg_worker none = 1;
    CHECK_EQ(kvreg_supervisor_add(supervisor, NULL, play, &bad, destroy, &none), KVREG_STOPPED);
    CHECK_EQ(none, 0);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
    CHECK(calm.destroyed == 1 && bad.destroyed == 2);
    CHECK_EQ(kvreg_supervisor_wait(supervisor, -1, &state), KVREG_STOPPED);
}

TEST(a_worker_that_does_not_end_is_left_behind) {
    const kvreg_supervisor supervisor = started(NULL);
    static part data = {STUBBORN, STUBBORN, 0, 0, 0, 0, 0, 0};
    let_go = 0;
    const kvreg_worker worker = added(supervisor, &data, 0);
    until(&data.starts, 1);
    CHECK_EQ(kvreg_worker_wait(worker, 0), KVREG_TIMED_OUT); /* not told yet, whoever asks */
    CHECK_EQ(kvreg_worker_stop(worker, 0), KVREG_TIMED_OUT);
    CHECK_EQ(kvreg_worker_wait(worker, -1), KVREG_STOPPED);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_TIMED_OUT);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_STOPPED);
    CHECK_EQ(kvreg_worker_stop(worker, -1), KVREG_DEAD);
    CHECK_EQ(get(&data.destroyed), 0);
    __atomic_store_n(&let_go, 1, __ATOMIC_RELEASE);
    until(&data.destroyed, 1);
    CHECK(pthread_equal(data.destroyed_in, data.ran_in));
}

static kvreg_supervisor above;

/* Calls that would wait for themselves. */
static int32_t call_home(void *data, kvreg_worker worker) {
    uint32_t state;
    CHECK_EQ(kvreg_supervisor_stop(above), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_supervisor_wait(above, -1, &state), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_supervisor_wait(above, 0, &state), KVREG_TIMED_OUT);
    CHECK_EQ(kvreg_worker_stop(worker, -1), KVREG_OK);
    CHECK_EQ(kvreg_worker_wait(worker, -1), KVREG_STOPPED);
    count((int *)data);
    return 5;
}

TEST(calls_from_inside_a_worker) {
    int done = 0;
    kvreg_worker worker = 0;
    above = started(NULL);
    CHECK_EQ(kvreg_supervisor_add(above, NULL, call_home, &done, NULL, &worker), KVREG_OK);
    until(&done, 1);
    while (info_of(above).children != 0) sched_yield();
    CHECK_EQ(kvreg_supervisor_stop(above), KVREG_OK);
    CHECK_EQ(done, 1);
}

static int32_t show_signals(void *data, kvreg_worker worker) {
    char name[16] = "";
    sigset_t mask;
    (void)worker;
    CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    CHECK_BYTES(name, strlen(name), "kvreg-worker", 12);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    CHECK_EQ(sigismember(&mask, SIGTERM), 1);
    count((int *)data);
    return kvreg_worker_wait(worker, -1) == KVREG_STOPPED ? 0 : 1;
}

TEST(a_workers_thread_has_a_name_and_no_signals) {
    const kvreg_supervisor supervisor = started(NULL);
    int shown = 0;
    kvreg_worker worker = 0;
    CHECK_EQ(kvreg_supervisor_add(supervisor, NULL, show_signals, &shown, NULL, &worker), KVREG_OK);
    until(&shown, 1);
    CHECK_EQ(kvreg_worker_stop(worker, -1), KVREG_OK);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
}

#define INVALID(expression) CHECK_EQ(expression, KVREG_INVALID_ARGUMENT)

TEST(bad_arguments) {
    const kvreg_supervisor supervisor = started(NULL);
    kvreg_supervisor other = 7;
    kvreg_worker worker = 7;
    part data = {0, 0, 0, 0, 0, 0, 0, 0};
    uint32_t state;
    INVALID(kvreg_supervisor_start(NULL, NULL));
    INVALID(kvreg_supervisor_add(supervisor, NULL, NULL, &data, destroy, &worker));
    CHECK_EQ(worker, 0);
    INVALID(kvreg_supervisor_add(supervisor, NULL, play, &data, destroy, NULL));
    CHECK_EQ(kvreg_supervisor_add(0, NULL, play, &data, destroy, &worker), KVREG_BAD_HANDLE);
    CHECK_EQ(data.destroyed, 3);
    INVALID(kvreg_supervisor_wait(supervisor, 0, NULL));
    INVALID(kvreg_supervisor_wait(supervisor, -2, &state));
    INVALID(kvreg_worker_wait(1, INT64_MIN));
    INVALID(kvreg_worker_stop(1, -2));
    INVALID(kvreg_supervisor_children(supervisor, NULL, 1));
    INVALID(kvreg_supervisor_describe(supervisor, NULL, 1));
    INVALID(kvreg_supervisor_stats(supervisor, NULL));
    INVALID(kvreg_worker_stats(supervisor, NULL));
    kvreg_supervisor_options options = KVREG_SUPERVISOR_OPTIONS_INIT;
    options.strategy = 3;
    INVALID(kvreg_supervisor_start(&options, &other));
    CHECK_EQ(other, 0);
    options.strategy = 0;
    options.restart = 3;
    INVALID(kvreg_supervisor_start(&options, &other));
    options.restart = 0;
    options.name_len = 1;
    INVALID(kvreg_supervisor_start(&options, &other));
    options.size = 55;
    INVALID(kvreg_supervisor_start(&options, &other));
    kvreg_worker_options mine = KVREG_WORKER_OPTIONS_INIT;
    mine.restart = 3;
    INVALID(kvreg_supervisor_add(supervisor, &mine, play, &data, NULL, &worker));
    mine.restart = 0;
    mine.timeout_ms = -2;
    INVALID(kvreg_supervisor_add(supervisor, &mine, play, &data, NULL, &worker));
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
}

/* A caller of another version has a struct of another size. */
TEST(answers_of_other_sizes) {
    const kvreg_supervisor supervisor = started(NULL);
    struct {
        kvreg_supervisor_info info;
        uint64_t later;
    } newer;
    memset(&newer, 0x5a, sizeof newer);
    newer.info.size = sizeof newer;
    CHECK_EQ(kvreg_supervisor_stats(supervisor, &newer.info), KVREG_OK);
    CHECK(newer.info.size == sizeof newer && newer.info.children == 0 && newer.later == 0);
    newer.info.size = 47;
    INVALID(kvreg_supervisor_stats(supervisor, &newer.info));
    newer.info.size = SIZE_MAX;
    INVALID(kvreg_supervisor_stats(supervisor, &newer.info));
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
}

static kvreg_supervisor shared;
static kvreg_worker sleeping;

static int be_refused(void) {
    uint32_t state;
    uint64_t id;
    CHECK_EQ(kvreg_supervisor_start(NULL, &id), KVREG_FORKED);
    CHECK_EQ(kvreg_supervisor_add(shared, NULL, play, NULL, NULL, &id), KVREG_FORKED);
    CHECK_EQ(kvreg_supervisor_stop(shared), KVREG_FORKED);
    CHECK_EQ(kvreg_supervisor_wait(shared, -1, &state), KVREG_FORKED);
    CHECK_EQ(kvreg_supervisor_children(shared, NULL, 0), KVREG_FORKED);
    CHECK_EQ(kvreg_supervisor_describe(shared, NULL, 0), KVREG_FORKED);
    CHECK_EQ(kvreg_worker_wait(sleeping, -1), KVREG_FORKED);
    CHECK_EQ(kvreg_worker_stop(sleeping, -1), KVREG_FORKED);
    return child_code();
}

/* What the threads had that a child does not have is lost in it: no search for leaks. */
static void leave(void) { _exit(0); }

/* The child returns from the worker's function, into a thread that supervises nothing and ends with the process. */
static int32_t fork_and_return(void *data, kvreg_worker worker) {
    const pid_t pid = fork();
    if (pid == 0) {
        if (atexit(leave) != 0 || kvreg_worker_wait(worker, -1) != KVREG_FORKED) _exit(1);
        return 0;
    }
    int status = -1;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    count((int *)data);
    return kvreg_worker_wait(worker, -1) == KVREG_STOPPED ? 0 : 1;
}

TEST(children_of_a_fork_supervise_nothing) {
    part data = {SLEEP, SLEEP, 0, 0, 0, 0, 0, 0};
    int forked = 0;
    shared = started(NULL);
    sleeping = added(shared, &data, -1);
    until(&data.starts, 1);
    CHILD_RUN(be_refused);
    kvreg_worker worker = 0;
    CHECK_EQ(kvreg_supervisor_add(shared, NULL, fork_and_return, &forked, NULL, &worker), KVREG_OK);
    until(&forked, 1);
    CHECK_EQ(kvreg_supervisor_stop(shared), KVREG_OK);
    CHECK(data.destroyed == 1 && data.starts == 1);
}

static void come_and_go(int index) {
    const int rounds = check_rounds(300);
    for (int i = 0; i < rounds; i++) {
        part data = {i % 3 == 0 ? 1 : SLEEP, SLEEP, 0, 0, 0, 0, 0, 0};
        const kvreg_worker worker = added(shared, &data, -1);
        if (index == 0) until(&data.starts, 1);
        CHECK_EQ(kvreg_worker_stop(worker, -1), KVREG_OK);
        CHECK_EQ(data.destroyed, 1);
    }
}

TEST(workers_come_and_go) {
    kvreg_supervisor_options options = KVREG_SUPERVISOR_OPTIONS_INIT;
    options.max_restarts = UINT32_MAX;
    shared = started(&options);
    threads_run(4, come_and_go);
    CHECK_EQ(info_of(shared).children, 0);
    CHECK_EQ(kvreg_supervisor_stop(shared), KVREG_OK);
}

int main(void) {
    RUN(a_worker_that_fails_is_restarted);
    RUN(a_supervisor_gives_up);
    RUN(a_worker_that_does_not_end_is_left_behind);
    RUN(calls_from_inside_a_worker);
    RUN(a_workers_thread_has_a_name_and_no_signals);
    RUN(bad_arguments);
    RUN(answers_of_other_sizes);
    RUN(children_of_a_fork_supervise_nothing);
    RUN(workers_come_and_go);
    return check_end();
}
