/* Handlers: when they are called, what they may do, and that their data is destroyed exactly once, whatever happens. */
#define _GNU_SOURCE 1

#include "child.h"
#include "listen.h"
#include "threads.h"

enum { WRITERS = 4, EACH = 500 };

/* What a handler shall do, and what it saw. */
typedef struct plan {
    kvreg_status answer;
    void (*inside)(struct plan *plan, const kvreg_event *event);
    kvreg_handler handler;
    uint64_t last;
    int calls, destroyed, running;
    bool entered, go_on;
} plan;

static kvreg_status follow(void *data, const kvreg_event *event) {
    plan *p = (plan *)data;
    CHECK_EQ(__atomic_fetch_add(&p->running, 1, __ATOMIC_ACQ_REL), 0);
    CHECK_EQ(p->destroyed, 0);
    CHECK(event->revision > p->last && event->owner == NULL);
    p->last = event->revision;
    __atomic_fetch_add(&p->calls, 1, __ATOMIC_RELAXED);
    if (p->inside != NULL) p->inside(p, event);
    __atomic_fetch_sub(&p->running, 1, __ATOMIC_ACQ_REL);
    return p->answer;
}

static void destroy(void *data) {
    plan *p = (plan *)data;
    CHECK_EQ(__atomic_load_n(&p->running, __ATOMIC_ACQUIRE), 0);
    sched_yield();
    __atomic_fetch_add(&p->destroyed, 1, __ATOMIC_RELEASE);
}

static int destroyed(const plan *p) { return __atomic_load_n(&p->destroyed, __ATOMIC_ACQUIRE); }

static void add_with(plan *p, uint32_t mode, uint32_t flags, int64_t limit_ms) {
    kvreg_handler_options options = KVREG_HANDLER_OPTIONS_INIT;
    options.mode = mode;
    options.flags = flags;
    options.limit_ms = limit_ms;
    CHECK_EQ(kvreg_handler_add(registry, &options, follow, p, destroy, &p->handler), KVREG_OK);
    CHECK(p->handler != 0);
}

static void add(plan *p) { add_with(p, KVREG_HANDLER_SYNC, 0, -1); }
static void add_async(plan *p) { add_with(p, KVREG_HANDLER_ASYNC, 0, -1); }

static void create_and_stop(int index) {
    for (int i = 0; i < EACH; i++) {
        char name[32];
        kvreg_bucket bucket;
        const int len = snprintf(name, sizeof name, "%d/%d", index, i);
        CHECK_EQ(kvreg_create(registry, name, (size_t)len, &bucket), KVREG_OK);
        CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
    }
}

TEST(one_call_at_a_time_and_in_order) {
    setup();
    plan sync = {.answer = KVREG_OK}, async = {.answer = KVREG_OK};
    add(&sync);
    add_async(&async);
    create("a");
    CHECK_EQ(sync.calls, 1);
    threads_run(WRITERS, create_and_stop);
    CHECK_EQ(sync.calls, 1 + 2 * WRITERS * EACH);
    CHECK_EQ(kvreg_sync(registry, SOON), KVREG_OK);
    CHECK_EQ(async.calls, 1 + 2 * WRITERS * EACH);
    CHECK_EQ(kvreg_handler_remove(sync.handler), KVREG_OK);
    CHECK_EQ(kvreg_handler_remove(async.handler), KVREG_OK);
    CHECK(destroyed(&sync) == 1 && destroyed(&async) == 1);
    CHECK_EQ(kvreg_handler_remove(sync.handler), KVREG_DEAD);
    CHECK_EQ(kvreg_handler_remove(async.handler), KVREG_DEAD);
    create("b");
    CHECK_EQ(sync.calls, 1 + 2 * WRITERS * EACH);
    teardown();
}

/* The guide's "removes buckets on exit", as a handler sees it; and everything else that one may call. */
static void use_all(plan *p, const kvreg_event *event) {
    const int64_t found = kvreg_lookup_id(registry, event->name, event->name_len);
    if (event->kind == KVREG_EVENT_EXIT) CHECK(found == KVREG_NOT_FOUND || found == KVREG_STOPPED);
    if (event->kind != KVREG_EVENT_CREATE || event->name_len > 1) return;
    CHECK_EQ(found, event->bucket);
    CHECK_EQ(kvreg_put_int(event->bucket, "milk", 4, 1), KVREG_OK);
    kvreg_snapshot snapshot;
    CHECK_EQ(kvreg_snapshot_take(registry, &snapshot), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_close(snapshot), KVREG_OK);
    kvreg_subscription heard;
    kvreg_monitor monitor;
    plan other = {.answer = KVREG_OK};
    CHECK_EQ(kvreg_subscribe(registry, NULL, &heard), KVREG_OK);
    CHECK_EQ(kvreg_bucket_monitor(event->bucket, heard, &monitor), KVREG_OK);
    add(&other);
    CHECK_EQ(kvreg_bucket_stop(create("inside"), KVREG_REASON_NORMAL), KVREG_OK);
    CHECK_EQ(pending(heard), 2);
    CHECK_EQ(kvreg_handler_remove(other.handler), KVREG_OK);
    CHECK_EQ(other.destroyed, 1);
    CHECK_EQ(kvreg_monitor_cancel(monitor), KVREG_OK);
    CHECK_EQ(kvreg_subscription_close(heard), KVREG_OK);
    CHECK_EQ(kvreg_sync(registry, -1), KVREG_DEADLOCK);
    kvreg_registry own;
    CHECK_EQ(kvreg_start(NULL, &own), KVREG_OK);
    CHECK_EQ(kvreg_sync(own, -1), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_stop(own), KVREG_OK);
    (void)p;
}

TEST(a_handler_may_make_every_call) {
    for (uint32_t mode = KVREG_HANDLER_SYNC; mode <= KVREG_HANDLER_ASYNC; mode++) {
        setup();
        plan p = {.answer = KVREG_OK, .inside = use_all};
        add_with(&p, mode, 0, -1);
        const kvreg_bucket bucket = create("a");
        CHECK_EQ(kvreg_sync(registry, SOON), KVREG_OK);
        CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_CRASH), KVREG_OK);
        CHECK_EQ(kvreg_sync(registry, SOON), KVREG_OK);
        CHECK_EQ(p.calls, 4);
        teardown();
        CHECK_EQ(destroyed(&p), 1);
    }
}

static void remove_itself(plan *p, const kvreg_event *event) {
    (void)event;
    CHECK_EQ(kvreg_handler_remove(p->handler), KVREG_OK);
    CHECK_EQ(kvreg_handler_remove(p->handler), KVREG_DEAD);
    CHECK_EQ(p->destroyed, 0);
}

TEST(a_handler_removes_itself) {
    for (uint32_t mode = KVREG_HANDLER_SYNC; mode <= KVREG_HANDLER_ASYNC; mode++) {
        setup();
        plan p = {.answer = KVREG_FAILED, .inside = remove_itself};
        add_with(&p, mode, 0, -1);
        create("a");
        create("b");
        while (destroyed(&p) == 0) sched_yield();
        CHECK(p.calls == 1 && destroyed(&p) == 1);
        teardown();
    }
}

static void stop_all(plan *p, const kvreg_event *event) {
    (void)p;
    if (event->kind == KVREG_EVENT_CREATE) CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* It is told of the exits that its own stop has made, and then ends. */
TEST(a_handler_stops_its_registry) {
    for (uint32_t mode = KVREG_HANDLER_SYNC; mode <= KVREG_HANDLER_ASYNC; mode++) {
        setup();
        plan p = {.answer = KVREG_OK, .inside = stop_all}, other = {.answer = KVREG_OK};
        add_with(&p, mode, 0, -1);
        add_async(&other);
        create("a");
        while (destroyed(&p) == 0 || destroyed(&other) == 0) sched_yield();
        CHECK(p.calls == 2 && other.calls == 2 && destroyed(&p) == 1 && destroyed(&other) == 1);
        CHECK_EQ(kvreg_stop(registry), KVREG_STOPPED);
        CHECK_EQ(kvreg_handler_remove(p.handler), KVREG_DEAD);
    }
}

TEST(what_fails_is_removed_and_what_is_kept_is_not) {
    setup();
    plan failing = {.answer = 1}, kept = {.answer = KVREG_IO}, fine = {.answer = KVREG_OK};
    add(&failing);
    add_with(&kept, KVREG_HANDLER_SYNC, KVREG_HANDLER_KEEP, -1);
    add(&fine);
    create("a"), create("b"), create("c");
    CHECK(failing.calls == 1 && kept.calls == 3 && fine.calls == 3);
    CHECK(failing.destroyed == 1 && kept.destroyed == 0 && fine.destroyed == 0);
    CHECK_EQ(kvreg_handler_remove(failing.handler), KVREG_DEAD);
    teardown();
    CHECK(destroyed(&failing) == 1 && destroyed(&kept) == 1 && destroyed(&fine) == 1);
}

static void wait_to_go_on(plan *p, const kvreg_event *event) {
    (void)event;
    __atomic_store_n(&p->entered, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&p->go_on, __ATOMIC_ACQUIRE)) sched_yield();
}

static void create_one(int index) {
    (void)index;
    create("slow");
}

static void enter(plan *p) {
    threads_start(1, create_one);
    while (!__atomic_load_n(&p->entered, __ATOMIC_ACQUIRE)) sched_yield();
}

static void let_go(plan *p) {
    __atomic_store_n(&p->go_on, true, __ATOMIC_RELEASE);
    threads_join();
}

/* Others wait for it once, and it ends when it does return. */
TEST(a_handler_that_hangs) {
    setup();
    plan p = {.answer = KVREG_OK, .inside = wait_to_go_on};
    add_with(&p, KVREG_HANDLER_SYNC, 0, 20);
    enter(&p);
    create("a"), create("b");
    CHECK_EQ(kvreg_handler_remove(p.handler), KVREG_DEAD);
    CHECK_EQ(destroyed(&p), 0);
    CHECK_EQ(kvreg_sync(registry, SOON), KVREG_OK);
    let_go(&p);
    CHECK(p.calls == 1 && destroyed(&p) == 1);
    teardown();
}

TEST(a_sync_has_a_limit) {
    setup();
    plan p = {.answer = KVREG_OK, .inside = wait_to_go_on};
    add_with(&p, KVREG_HANDLER_ASYNC, 0, -1);
    enter(&p);
    CHECK_EQ(kvreg_sync(registry, 0), KVREG_TIMED_OUT);
    CHECK_EQ(kvreg_sync(registry, 10), KVREG_TIMED_OUT);
    let_go(&p);
    CHECK_EQ(kvreg_sync(registry, -1), KVREG_OK);
    teardown();
    CHECK_EQ(destroyed(&p), 1);
}

/* One that hangs and stays has not seen what came meanwhile: others have, and who asks is told. */
TEST(a_sync_tells_of_a_handler_that_hangs) {
    for (uint32_t mode = KVREG_HANDLER_SYNC; mode <= KVREG_HANDLER_ASYNC; mode++) {
        setup();
        plan p = {.answer = KVREG_OK, .inside = wait_to_go_on}, fine = {.answer = KVREG_OK};
        add_with(&p, mode, KVREG_HANDLER_KEEP, 20);
        add_async(&fine);
        enter(&p);
        create("a");
        CHECK_EQ(kvreg_sync(registry, -1), KVREG_TIMED_OUT);
        CHECK_EQ(__atomic_load_n(&fine.calls, __ATOMIC_RELAXED), 2);
        let_go(&p);
        while (kvreg_sync(registry, SOON) == KVREG_TIMED_OUT) sched_yield(); /* the call is about to return */
        CHECK_EQ(p.calls, 2);
        teardown();
    }
}

static plan other;
static void remove_the_other(plan *p, const kvreg_event *event) {
    (void)p, (void)event;
    if (event->name_len == 4) return;
    CHECK_EQ(kvreg_handler_remove(other.handler), KVREG_DEADLOCK);
    CHECK_EQ(other.destroyed, 0);
}

/* Two that each wait for the other's end would wait for ever. */
TEST(a_handler_does_not_wait_for_another) {
    setup();
    const plan empty = {.answer = KVREG_OK, .inside = wait_to_go_on};
    other = empty;
    plan p = {.answer = KVREG_OK, .inside = remove_the_other};
    add(&p);
    add(&other);
    enter(&other);
    kvreg_registry elsewhere = registry;
    setup();
    plan there = {.answer = KVREG_OK, .inside = remove_the_other};
    add(&there);
    create("not slow");
    CHECK_EQ(there.calls, 1);
    teardown();
    registry = elsewhere;
    let_go(&other);
    teardown();
    CHECK(destroyed(&other) == 1 && destroyed(&p) == 1);
}

static bool stopping;
static void write_until_the_end(int index) {
    for (int i = 0; !__atomic_load_n(&stopping, __ATOMIC_RELAXED); i++) {
        char name[32];
        kvreg_bucket bucket;
        const int len = snprintf(name, sizeof name, "%d/%d", index, i % 10);
        kvreg_status status = kvreg_create(registry, name, (size_t)len, &bucket);
        if (status == KVREG_OK) status = kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL);
        CHECK(status == KVREG_OK || status == KVREG_STOPPED || status == KVREG_DEAD);
        if (status == KVREG_STOPPED) return;
    }
}

/* A remover may rely on it: the function is not running, and its data is gone. */
TEST(removed_is_gone) {
    for (uint32_t mode = KVREG_HANDLER_SYNC; mode <= KVREG_HANDLER_ASYNC; mode++) {
        setup();
        stopping = false;
        threads_start(2, write_until_the_end);
        for (int i = 0; i < 1000; i++) {
            plan p = {.answer = KVREG_OK};
            add_with(&p, mode, 0, -1);
            if (i % 2) sched_yield();
            CHECK_EQ(kvreg_handler_remove(p.handler), KVREG_OK);
            CHECK(p.running == 0 && p.destroyed == 1);
        }
        __atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
        threads_join();
        teardown();
    }
}

static kvreg_subscription blocking;
static void take_or_write(int index) {
    if (index > 0) {
        write_until_the_end(index);
        return;
    }
    kvreg_event event;
    while (kvreg_subscription_next(blocking, -1, &event) == KVREG_OK) kvreg_event_release(&event);
}

/* Everything at once: writers, a taker for whose queue they wait, handlers of both kinds, monitors, and the stop. */
TEST(a_stop_during_everything) {
    for (int round = 0; round < 30; round++) {
        setup();
        stopping = false;
        kvreg_subscribe_options options = KVREG_SUBSCRIBE_OPTIONS_INIT;
        options.capacity = 1;
        options.overflow = KVREG_OVERFLOW_BLOCK;
        options.block_ms = SOON;
        blocking = subscribe(&options);
        plan sync = {.answer = KVREG_OK}, async = {.answer = KVREG_OK};
        add(&sync);
        add_async(&async);
        threads_start(3, take_or_write);
        for (int i = 0; i < 50; i++) {
            kvreg_monitor monitor;
            CHECK_EQ(kvreg_bucket_monitor(create("watched"), blocking, &monitor), KVREG_OK);
            if (i % 2) kvreg_monitor_cancel(monitor);
        }
        teardown();
        CHECK(destroyed(&sync) == 1 && destroyed(&async) == 1);
        CHECK_EQ(sync.calls, async.calls);
        threads_join();
        CHECK_EQ(kvreg_subscription_close(blocking), KVREG_OK);
    }
}

static void use_in_the_end(void *data) {
    plan *p = (plan *)data;
    CHECK_EQ(kvreg_handler_remove(p->handler), KVREG_DEAD);
    const int64_t id = kvreg_lookup_id(registry, "a", 1);
    CHECK(id > 0 || id == KVREG_STOPPED);
    kvreg_bucket bucket;
    const kvreg_status status = kvreg_create(registry, "made at the end", 15, &bucket);
    CHECK(status == KVREG_OK || status == KVREG_STOPPED);
    kvreg_handler next = 0;
    const kvreg_status added = kvreg_handler_add(registry, NULL, follow, p, destroy, &next);
    CHECK(added == status);
    if (added == KVREG_OK) CHECK_EQ(kvreg_handler_remove(next), KVREG_OK);
    __atomic_fetch_add(&p->destroyed, 10, __ATOMIC_RELEASE);
}

/* The end of a handler's data is foreign code, too: in the remover, in the function's own thread, and in the stop. */
TEST(calls_from_the_end_of_the_data) {
    for (int way = 0; way < 6; way++) {
        setup();
        create("a");
        plan p = {.answer = way / 2 == 1 ? KVREG_FAILED : KVREG_OK};
        kvreg_handler_options options = KVREG_HANDLER_OPTIONS_INIT;
        options.mode = way % 2 ? KVREG_HANDLER_ASYNC : KVREG_HANDLER_SYNC;
        CHECK_EQ(kvreg_handler_add(registry, &options, follow, &p, use_in_the_end, &p.handler), KVREG_OK);
        if (way / 2 == 0) CHECK_EQ(kvreg_handler_remove(p.handler), KVREG_OK);
        create("b");
        if (way / 2 == 2) teardown();
        while (destroyed(&p) == 0) sched_yield();
        while (destroyed(&p) < 11) sched_yield();
        CHECK_EQ(destroyed(&p), 11);
        if (way / 2 != 2) teardown();
    }
}

TEST(bad_options_add_nothing_and_destroy_the_data) {
    setup();
    const kvreg_handler_options good_ones = KVREG_HANDLER_OPTIONS_INIT;
    kvreg_handler_options options;
    kvreg_handler out;
    plan p = {.answer = KVREG_OK};
#define REFUSED(change, status) \
    do { \
        options = good_ones; \
        change; \
        out = 7; \
        p.destroyed = 0; \
        CHECK_EQ(kvreg_handler_add(registry, &options, follow, &p, destroy, &out), status); \
        CHECK(out == 0 && p.destroyed == 1); \
    } while (0)
    REFUSED(options.size = 0, KVREG_INVALID_ARGUMENT);
    REFUSED(options.size--, KVREG_INVALID_ARGUMENT);
    REFUSED(options.size = SIZE_MAX, KVREG_INVALID_ARGUMENT);
    REFUSED(options.events = 0, KVREG_INVALID_ARGUMENT);
    REFUSED(options.events = 8, KVREG_INVALID_ARGUMENT);
    REFUSED(options.of = 4, KVREG_INVALID_ARGUMENT);
    REFUSED((options.of = KVREG_OF_NAME, options.name_len = 1), KVREG_INVALID_ARGUMENT);
    REFUSED((options.of = KVREG_OF_PREFIX, options.name = "a", options.name_len = 65536), KVREG_INVALID_ARGUMENT);
    REFUSED((options.of = KVREG_OF_BUCKET, options.bucket = registry), KVREG_BAD_HANDLE);
    REFUSED(options.mode = 2, KVREG_INVALID_ARGUMENT);
    REFUSED(options.flags = 2, KVREG_INVALID_ARGUMENT);
    REFUSED(options.limit_ms = -2, KVREG_INVALID_ARGUMENT);
    REFUSED(options.limit_ms = INT64_MIN, KVREG_INVALID_ARGUMENT);
    REFUSED(options.capacity = 0, KVREG_INVALID_ARGUMENT);
    p.destroyed = 0;
    CHECK_EQ(kvreg_handler_add(registry, NULL, NULL, &p, destroy, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_handler_add(registry, NULL, follow, &p, destroy, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_handler_add(0, NULL, follow, &p, destroy, &out), KVREG_BAD_HANDLE);
    CHECK_EQ(p.destroyed, 3);
    create("a");
    CHECK_EQ(p.calls, 0);
    /* Without data and its end. */
    CHECK_EQ(kvreg_handler_add(registry, NULL, follow, &p, NULL, &out), KVREG_OK);
    p.destroyed = 0;
    create("b");
    CHECK_EQ(kvreg_handler_remove(out), KVREG_OK);
    CHECK(p.calls == 1 && p.destroyed == 0);
    const kvreg_registry stopped = registry;
    teardown();
    CHECK_EQ(kvreg_handler_add(stopped, NULL, follow, &p, destroy, &out), KVREG_STOPPED);
    CHECK_EQ(p.destroyed, 1);
}

/* What does not fit is dropped, and the handler is told how many: it must wait for its room. */
TEST(a_full_handler_is_told_of_a_gap) {
    setup();
    plan p = {.answer = KVREG_OK, .inside = wait_to_go_on};
    kvreg_handler_options options = KVREG_HANDLER_OPTIONS_INIT;
    options.mode = KVREG_HANDLER_ASYNC;
    options.capacity = 2;
    CHECK_EQ(kvreg_handler_add(registry, &options, follow, &p, destroy, &p.handler), KVREG_OK);
    enter(&p);
    create("a"), create("b"), create("c"), create("d");
    let_go(&p);
    CHECK_EQ(kvreg_sync(registry, SOON), KVREG_OK);
    CHECK_EQ(p.calls, 4); /* the slow one, the gap, and two */
    teardown();
    CHECK_EQ(destroyed(&p), 1);
}

static int refused_in_the_child(void) {
    plan p = {.answer = KVREG_OK};
    kvreg_handler out = 7;
    CHECK_EQ(kvreg_handler_add(registry, NULL, follow, &p, destroy, &out), KVREG_FORKED);
    CHECK(out == 0 && p.destroyed == 1);
    kvreg_bucket bucket;
    CHECK_EQ(kvreg_create(registry, "new", 3, &bucket), KVREG_FORKED);
    CHECK_EQ(kvreg_handler_remove(other.handler), KVREG_FORKED);
    return child_code();
}

/* Forks while a handler runs in another thread, for which others wait. */
TEST(a_child_is_refused_at_once) {
    setup();
    const plan empty = {.answer = KVREG_OK, .inside = wait_to_go_on};
    other = empty;
    add(&other);
    enter(&other);
    for (int i = 0; i < 5; i++) CHILD_RUN(refused_in_the_child);
    let_go(&other);
    teardown();
}

static pid_t forked;
static void fork_here(plan *p, const kvreg_event *event) {
    (void)p, (void)event;
    forked = fork();
    if (forked == 0) alarm(CHILD_SECONDS);
}

/* Both return from it: the child's call says that it worked, as it did before the fork, and nothing else can be done. */
TEST(a_handler_that_forks) {
    setup();
    plan p = {.answer = KVREG_OK, .inside = fork_here};
    add(&p);
    fflush(stdout);
    kvreg_bucket bucket = 0;
    const kvreg_status status = kvreg_create(registry, "a", 1, &bucket);
    if (forked == 0) {
        kvreg_bucket next = 0;
        const bool good = status == KVREG_OK && kvreg_lookup_id(registry, "a", 1) == (int64_t)bucket &&
                          kvreg_create(registry, "b", 1, &next) == KVREG_FORKED && child_code() == 0;
        _exit(good ? 9 : 1);
    }
    int end = -1;
    CHECK_EQ(status, KVREG_OK);
    CHECK(forked > 0 && waitpid(forked, &end, 0) == forked && WIFEXITED(end) && WEXITSTATUS(end) == 9);
    p.inside = NULL;
    create("b");
    CHECK_EQ(p.calls, 2);
    teardown();
    CHECK_EQ(destroyed(&p), 1);
}

int main(void) {
    RUN(one_call_at_a_time_and_in_order);
    RUN(a_handler_may_make_every_call);
    RUN(a_handler_removes_itself);
    RUN(a_handler_stops_its_registry);
    RUN(what_fails_is_removed_and_what_is_kept_is_not);
    RUN(a_handler_that_hangs);
    RUN(a_sync_has_a_limit);
    RUN(a_sync_tells_of_a_handler_that_hangs);
    RUN(a_handler_does_not_wait_for_another);
    RUN(removed_is_gone);
    RUN(a_stop_during_everything);
    RUN(calls_from_the_end_of_the_data);
    RUN(bad_options_add_nothing_and_destroy_the_data);
    RUN(a_full_handler_is_told_of_a_gap);
    RUN(a_child_is_refused_at_once);
    RUN(a_handler_that_forks);
    return check_end();
}
