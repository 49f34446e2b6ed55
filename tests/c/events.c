/* Subscriptions: what they are told, in what order, through which doors; and the guide's tests about events. */
#define _GNU_SOURCE 1

#include "child.h"
#include "listen.h"
#include "threads.h"

#include <dirent.h>
#include <poll.h>
#include <sys/epoll.h>

enum { WRITERS = 4, EACH = 500, FILES = 600 };

static kvreg_subscription subscription;

static void listen_to(const kvreg_subscribe_options *options) {
    setup();
    subscription = subscribe(options);
}

static void leave(void) {
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_DEAD);
    CHECK_EQ(status_now(subscription), KVREG_DEAD);
    teardown();
}

/* The guide's "sends events on create and crash". */
TEST(sends_events_on_create_and_crash) {
    listen_to(NULL);
    const kvreg_bucket bucket = create("shopping");
    CHECK_EQ(TAKE(subscription, KVREG_EVENT_CREATE, "shopping"), bucket);
    CHECK_EQ(kvreg_bucket_crash(bucket, "no milk", 7), KVREG_OK);
    kvreg_event event;
    CHECK_EQ(kvreg_subscription_next(subscription, SOON, &event), KVREG_OK);
    CHECK_EQ(event.kind, KVREG_EVENT_EXIT);
    CHECK_EQ(event.reason, KVREG_REASON_CRASH);
    CHECK_EQ(event.revision, 2);
    CHECK_EQ(event.bucket, bucket);
    /* Its bytes outlive the subscription and the registry. */
    leave();
    CHECK_BYTES(event.name, event.name_len, "shopping", 8);
    CHECK_BYTES(event.message, event.message_len, "no milk", 7);
    kvreg_event_release(&event);
    CHECK(event.kind == 0 && event.name == NULL && event.owner == NULL);
    kvreg_event_release(&event);
}

/* The guide's "removes buckets on exit" and "removes bucket on crash", by what the events say. */
TEST(removes_buckets_on_exit_and_on_crash) {
    listen_to(NULL);
    for (kvreg_reason reason = KVREG_REASON_NORMAL; reason <= KVREG_REASON_CRASH; reason++) {
        const kvreg_bucket bucket = create("shopping");
        TAKE(subscription, KVREG_EVENT_CREATE, "shopping");
        CHECK_EQ(kvreg_bucket_stop(bucket, reason), KVREG_OK);
        kvreg_event event;
        CHECK_EQ(kvreg_subscription_next(subscription, SOON, &event), KVREG_OK);
        CHECK_EQ(event.reason, reason);
        CHECK_EQ(event.message_len, 0);
        CHECK_EQ(kvreg_lookup_id(registry, event.name, event.name_len), KVREG_NOT_FOUND);
        CHECK_EQ(kvreg_bucket_check(event.bucket), KVREG_DEAD);
        kvreg_event_release(&event);
    }
    leave();
}

static void create_and_stop(int index) {
    for (int i = 0; i < EACH; i++) {
        char name[32];
        kvreg_bucket bucket;
        const int len = snprintf(name, sizeof name, "%d/%d", index, i);
        CHECK_EQ(kvreg_create(registry, name, (size_t)len, &bucket), KVREG_OK);
        CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
    }
}

TEST(all_writers_events_come_in_the_tables_order) {
    kvreg_subscribe_options options = KVREG_SUBSCRIBE_OPTIONS_INIT;
    options.capacity = 2 * WRITERS * EACH;
    listen_to(&options);
    threads_start(WRITERS, create_and_stop);
    for (uint64_t revision = 1; revision <= 2 * WRITERS * EACH; revision++) {
        kvreg_event event;
        CHECK_EQ(kvreg_subscription_next(subscription, SOON, &event), KVREG_OK);
        CHECK_EQ(event.revision, revision);
        if (event.kind == KVREG_EVENT_EXIT) CHECK_EQ(kvreg_bucket_check(event.bucket), KVREG_DEAD);
        kvreg_event_release(&event);
    }
    threads_join();
    CHECK_EQ(status_now(subscription), KVREG_TIMED_OUT);
    leave();
}

static int taken[WRITERS];
static void take_until_the_end(int index) {
    kvreg_event event;
    kvreg_status status;
    uint64_t last = 0;
    while ((status = kvreg_subscription_next(subscription, -1, &event)) == KVREG_OK) {
        CHECK(event.revision > last);
        last = event.revision;
        taken[index]++;
        kvreg_event_release(&event);
    }
    CHECK(status == KVREG_STOPPED);
    CHECK(event.kind == 0 && event.owner == NULL);
}

/* Each event goes to one of those who wait, and a stop of the registry reaches them all. */
TEST(many_takers_share_and_end_together) {
    kvreg_subscribe_options options = KVREG_SUBSCRIBE_OPTIONS_INIT;
    options.capacity = 10000;
    listen_to(&options);
    memset(taken, 0, sizeof taken);
    threads_start(WRITERS, take_until_the_end);
    for (int i = 0; i < EACH; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        create(name);
    }
    teardown();
    threads_join();
    int all = 0;
    for (int i = 0; i < WRITERS; i++) all += taken[i];
    CHECK_EQ(all, 2 * EACH);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
}

static int waiting;
static void wait_for_ever(int index) {
    kvreg_event event;
    (void)index;
    __atomic_fetch_add(&waiting, 1, __ATOMIC_RELAXED);
    const kvreg_status status = kvreg_subscription_next(subscription, -1, &event);
    CHECK(status == KVREG_STOPPED || status == KVREG_DEAD);
    CHECK_EQ(kvreg_subscription_next(subscription, -1, &event), KVREG_DEAD);
}

TEST(a_close_wakes_all_who_wait) {
    for (int round = 0; round < 50; round++) {
        setup();
        subscription = subscribe(NULL);
        waiting = 0;
        threads_start(WRITERS, wait_for_ever);
        while (round % 2 && __atomic_load_n(&waiting, __ATOMIC_RELAXED) < WRITERS) sched_yield();
        CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
        threads_join();
        teardown();
    }
}

static void create_one(int index) {
    (void)index;
    create("from another thread");
}

static bool readable(int fd, int wait) {
    struct pollfd poll_fd = {fd, POLLIN, 0};
    return poll(&poll_fd, 1, wait) == 1;
}

TEST(poll_and_epoll_see_what_is_there) {
    listen_to(NULL);
    int fd = -1, again = -1;
    CHECK_EQ(kvreg_subscription_fd(subscription, &fd), KVREG_OK);
    CHECK_EQ(kvreg_subscription_fd(subscription, &again), KVREG_OK);
    CHECK(fd >= 0 && fd == again);
    CHECK(!readable(fd, 0));
    threads_start(1, create_one);
    CHECK(readable(fd, SOON));
    threads_join();
    TAKE(subscription, KVREG_EVENT_CREATE, "from another thread");
    CHECK(!readable(fd, 0));
    /* Edge-triggered, taking all each time. */
    const int loop = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLET}, got;
    CHECK(loop >= 0 && epoll_ctl(loop, EPOLL_CTL_ADD, fd, &wanted) == 0);
    threads_start(WRITERS, create_and_stop);
    for (int seen = 0; seen < 2 * WRITERS * EACH;) {
        if (!CHECK(epoll_wait(loop, &got, 1, SOON) == 1)) break;
        kvreg_event event;
        while (kvreg_subscription_next(subscription, 0, &event) == KVREG_OK) {
            seen += event.kind == KVREG_EVENT_LOST ? (int)event.count : 1;
            kvreg_event_release(&event);
        }
    }
    threads_join();
    CHECK(close(loop) == 0);
    CHECK(!readable(fd, 0));
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    CHECK(readable(fd, 0));
    TAKE(subscription, KVREG_EVENT_EXIT, "from another thread");
    CHECK_EQ(status_now(subscription), KVREG_STOPPED);
    CHECK(readable(fd, 0));
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
}

static int open_files(void) {
    DIR *files = opendir("/proc/self/fd");
    int count = 0;
    if (!CHECK(files != NULL)) return -1;
    while (readdir(files) != NULL) count++;
    closedir(files);
    return count;
}

/* Descriptors are few: they are given back by the close, and not when memory is. */
TEST(a_close_gives_the_descriptors_back) {
    setup();
    const int before = open_files();
    for (int i = 0; i < FILES; i++) {
        int fd = -1;
        const kvreg_subscription one = subscribe(NULL);
        CHECK_EQ(kvreg_subscription_fd(one, &fd), KVREG_OK);
        CHECK_EQ(kvreg_subscription_close(one), KVREG_OK);
        fd = 7;
        CHECK_EQ(kvreg_subscription_fd(one, &fd), KVREG_DEAD);
        CHECK_EQ(fd, -1);
    }
    CHECK_EQ(open_files(), before);
    teardown();
}

/* Somebody has closed what is not his: that costs him the wake-ups, and nothing else. */
TEST(a_descriptor_that_was_closed_ends_nothing) {
    listen_to(NULL);
    int fd = -1;
    CHECK_EQ(kvreg_subscription_fd(subscription, &fd), KVREG_OK);
    CHECK(close(fd) == 0);
    create("a");
    TAKE(subscription, KVREG_EVENT_CREATE, "a");
    create("b");
    TAKE(subscription, KVREG_EVENT_CREATE, "b");
    /* So that its number is there to be closed. */
    CHECK(dup2(STDOUT_FILENO, fd) == fd);
    leave();
}

TEST(filters_choose) {
    setup();
    kvreg_subscribe_options options = KVREG_SUBSCRIBE_OPTIONS_INIT;
    const kvreg_bucket bucket = create("user/2");
    options.of = KVREG_OF_NAME;
    options.name = "user/1";
    options.name_len = 6;
    const kvreg_subscription by_name = subscribe(&options);
    options.of = KVREG_OF_PREFIX;
    options.name_len = 5;
    options.events = KVREG_EVENTS_CREATE;
    const kvreg_subscription by_prefix = subscribe(&options);
    options.of = KVREG_OF_BUCKET;
    options.bucket = bucket;
    options.events = KVREG_EVENTS_CREATE | KVREG_EVENTS_EXIT;
    const kvreg_subscription by_bucket = subscribe(&options);
    create("user/1");
    create("host");
    CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_KILLED), KVREG_OK);
    TAKE(by_name, KVREG_EVENT_CREATE, "user/1");
    TAKE(by_prefix, KVREG_EVENT_CREATE, "user/1");
    CHECK_EQ(TAKE(by_bucket, KVREG_EVENT_EXIT, "user/2"), bucket);
    CHECK(pending(by_name) == 0 && pending(by_prefix) == 0 && pending(by_bucket) == 0);
    teardown();
    CHECK_EQ(kvreg_subscription_close(by_name), KVREG_OK);
    CHECK_EQ(kvreg_subscription_close(by_prefix), KVREG_OK);
    CHECK_EQ(kvreg_subscription_close(by_bucket), KVREG_OK);
}

TEST(a_full_queue_does_as_it_was_told) {
    kvreg_subscribe_options options = KVREG_SUBSCRIBE_OPTIONS_INIT;
    setup();
    options.capacity = 2;
    const kvreg_subscription dropping = subscribe(&options);
    options.overflow = KVREG_OVERFLOW_DISCONNECT;
    const kvreg_subscription ending = subscribe(&options);
    options.overflow = KVREG_OVERFLOW_BLOCK;
    options.block_ms = 0;
    const kvreg_subscription blocking = subscribe(&options);
    create("a"), create("b"), create("c");
    kvreg_event event;
    const kvreg_subscription all[] = {dropping, blocking};
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(kvreg_subscription_next(all[i], 0, &event), KVREG_OK);
        CHECK(event.kind == KVREG_EVENT_LOST && event.count == 1 && event.revision == 1 && event.bucket == 0);
        kvreg_event_release(&event);
        TAKE(all[i], KVREG_EVENT_CREATE, "b");
        TAKE(all[i], KVREG_EVENT_CREATE, "c");
        CHECK_EQ(status_now(all[i]), KVREG_TIMED_OUT);
    }
    TAKE(ending, KVREG_EVENT_CREATE, "a");
    TAKE(ending, KVREG_EVENT_CREATE, "b");
    CHECK_EQ(kvreg_subscription_next(ending, 0, &event), KVREG_OK);
    CHECK(event.kind == KVREG_EVENT_LOST && event.count == 0 && event.revision == 3);
    kvreg_event_release(&event);
    CHECK_EQ(kvreg_subscription_next(ending, -1, &event), KVREG_STOPPED);
    CHECK_EQ(kvreg_subscription_close(dropping), KVREG_OK);
    CHECK_EQ(kvreg_subscription_close(ending), KVREG_OK);
    CHECK_EQ(kvreg_subscription_close(blocking), KVREG_OK);
    teardown();
}

TEST(a_start_in_the_past) {
    kvreg_options small = KVREG_OPTIONS_INIT;
    small.history = 2;
    CHECK_EQ(kvreg_start(&small, &registry), KVREG_OK);
    create("a"), create("b"), create("c");
    kvreg_subscribe_options options = KVREG_SUBSCRIBE_OPTIONS_INIT;
    options.start = KVREG_START_REVISION;
    kvreg_subscription out = 7;
    CHECK_EQ(kvreg_subscribe(registry, &options, &out), KVREG_OUT_OF_RANGE);
    CHECK_EQ(out, 0);
    options.revision = 4;
    CHECK_EQ(kvreg_subscribe(registry, &options, &out), KVREG_INVALID_ARGUMENT);
    options.revision = 1;
    subscription = subscribe(&options);
    TAKE(subscription, KVREG_EVENT_CREATE, "b");
    kvreg_snapshot snapshot = 0;
    CHECK_EQ(kvreg_subscription_snapshot(subscription, &snapshot), KVREG_OK);
    CHECK_EQ(status_now(subscription), KVREG_TIMED_OUT);
    create("d");
    TAKE(subscription, KVREG_EVENT_CREATE, "d");
    options.start = KVREG_START_SNAPSHOT;
    options.snapshot = snapshot;
    const kvreg_subscription later = subscribe(&options);
    TAKE(later, KVREG_EVENT_CREATE, "d");
    CHECK_EQ(kvreg_snapshot_close(snapshot), KVREG_OK);
    CHECK_EQ(kvreg_subscribe(registry, &options, &out), KVREG_DEAD);
    CHECK_EQ(kvreg_subscription_close(later), KVREG_OK);
    leave();
}

TEST(bad_options_subscribe_nothing) {
    setup();
    const kvreg_subscribe_options good_ones = KVREG_SUBSCRIBE_OPTIONS_INIT;
    kvreg_subscribe_options options;
    kvreg_subscription out;
    static char tail[2 * sizeof options];
#define REFUSED(change, status) \
    do { \
        options = good_ones; \
        change; \
        out = 7; \
        CHECK_EQ(kvreg_subscribe(registry, &options, &out), status); \
        CHECK_EQ(out, 0); \
    } while (0)
    REFUSED(options.size = 0, KVREG_INVALID_ARGUMENT);
    REFUSED(options.size--, KVREG_INVALID_ARGUMENT);
    REFUSED(options.size = SIZE_MAX, KVREG_INVALID_ARGUMENT);
    REFUSED(options.events = 8, KVREG_INVALID_ARGUMENT);
    REFUSED(options.events = UINT32_MAX, KVREG_INVALID_ARGUMENT);
    REFUSED(options.of = 4, KVREG_INVALID_ARGUMENT);
    REFUSED((options.of = KVREG_OF_NAME, options.name_len = 1), KVREG_INVALID_ARGUMENT);
    REFUSED((options.of = KVREG_OF_PREFIX, options.name = "a", options.name_len = 65536), KVREG_INVALID_ARGUMENT);
    REFUSED((options.of = KVREG_OF_BUCKET), KVREG_BAD_HANDLE);
    REFUSED((options.of = KVREG_OF_BUCKET, options.bucket = registry), KVREG_BAD_HANDLE);
    REFUSED(options.capacity = 0, KVREG_INVALID_ARGUMENT);
    REFUSED(options.overflow = 3, KVREG_INVALID_ARGUMENT);
    REFUSED((options.overflow = KVREG_OVERFLOW_BLOCK, options.block_ms = -1), KVREG_INVALID_ARGUMENT);
    REFUSED(options.start = 3, KVREG_INVALID_ARGUMENT);
    REFUSED((options.start = KVREG_START_REVISION, options.revision = 1), KVREG_INVALID_ARGUMENT);
    REFUSED((options.start = KVREG_START_SNAPSHOT), KVREG_BAD_HANDLE);
    /* A newer program's: good as long as it has set nothing that this library does not know. */
    memcpy(tail, &good_ones, sizeof good_ones);
    ((kvreg_subscribe_options *)(void *)tail)->size = sizeof tail;
    CHECK_EQ(kvreg_subscribe(registry, (kvreg_subscribe_options *)(void *)tail, &out), KVREG_OK);
    CHECK_EQ(kvreg_subscription_close(out), KVREG_OK);
    tail[sizeof tail - 1] = 1;
    CHECK_EQ(kvreg_subscribe(registry, (kvreg_subscribe_options *)(void *)tail, &out), KVREG_INVALID_ARGUMENT);
    /* The largest numbers are as good as any. */
    options = good_ones;
    options.capacity = UINT64_MAX;
    options.block_ms = INT64_MAX;
    options.overflow = KVREG_OVERFLOW_BLOCK;
    subscription = subscribe(&options);
    kvreg_event event;
    const int64_t times[] = {-2, -1000, INT64_MIN};
    for (int i = 0; i < 3; i++) {
        event.kind = 7;
        CHECK_EQ(kvreg_subscription_next(subscription, times[i], &event), KVREG_INVALID_ARGUMENT);
        CHECK_EQ(event.kind, 0);
        CHECK_EQ(kvreg_sync(registry, times[i]), KVREG_INVALID_ARGUMENT);
    }
    create("a");
    CHECK_EQ(kvreg_subscription_next(subscription, INT64_MAX, &event), KVREG_OK);
    kvreg_event_release(&event);
    CHECK_EQ(kvreg_sync(registry, INT64_MAX), KVREG_OK);
    CHECK_EQ(kvreg_bucket_crash(create("a"), NULL, 1), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_crash(create("a"), "", 65536), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_crash(create("a"), NULL, 0), KVREG_OK);
    leave();
}

typedef struct plan {
    kvreg_status answer;
    int calls, until, destroyed;
    bool close;
    pid_t forked;
} plan;

static kvreg_status follow(void *data, const kvreg_event *event) {
    plan *p = (plan *)data;
    CHECK_EQ(p->destroyed, 0);
    CHECK(event->owner == NULL);
    if (++p->calls < p->until) return KVREG_OK;
    if (p->close) CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
    if (p->forked != 0) p->forked = fork();
    return p->answer;
}

static void destroy(void *data) { ((plan *)data)->destroyed++; }

static kvreg_status dispatch(plan *p, int64_t timeout_ms) {
    p->calls = p->destroyed = 0;
    const kvreg_status status = kvreg_subscription_dispatch(subscription, timeout_ms, follow, p, destroy);
    CHECK_EQ(p->destroyed, 1);
    return status;
}

TEST(a_thread_is_lent_to_a_function) {
    listen_to(NULL);
    plan p = {.until = 100};
    CHECK_EQ(dispatch(&p, 0), KVREG_TIMED_OUT);
    create("a"), create("b"), create("c");
    CHECK_EQ(dispatch(&p, 0), KVREG_TIMED_OUT);
    CHECK_EQ(p.calls, 3);
    create("d"), create("e"), create("f");
    p.until = 2;
    p.answer = 7;
    CHECK_EQ(dispatch(&p, -1), 7);
    CHECK_EQ(p.calls, 2);
    CHECK_EQ(pending(subscription), 1);
    p.until = 1;
    p.answer = KVREG_FAILED;
    CHECK_EQ(dispatch(&p, -1), KVREG_FAILED);
    CHECK_EQ(dispatch(&p, -2), KVREG_INVALID_ARGUMENT);
    p.destroyed = 0;
    CHECK_EQ(kvreg_subscription_dispatch(subscription, 0, NULL, &p, destroy), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(p.destroyed, 1);
    create("g"), create("h");
    p.answer = KVREG_OK;
    p.close = true;
    CHECK_EQ(dispatch(&p, -1), KVREG_DEAD);
    CHECK_EQ(p.calls, 1);
    CHECK_EQ(dispatch(&p, -1), KVREG_DEAD);
    CHECK_EQ(p.calls, 0);
    teardown();
}

TEST(a_dispatch_ends_with_the_registry) {
    listen_to(NULL);
    create("a");
    plan p = {.until = 100};
    teardown();
    CHECK_EQ(dispatch(&p, -1), KVREG_STOPPED);
    CHECK_EQ(p.calls, 2);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
}

static kvreg_event held;
static int refused_in_the_child(void) {
    kvreg_event event;
    plan p = {.until = 1};
    CHECK_EQ(kvreg_subscription_next(subscription, -1, &event), KVREG_FORKED);
    CHECK_EQ(dispatch(&p, -1), KVREG_FORKED);
    CHECK_EQ(kvreg_sync(registry, -1), KVREG_FORKED);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_FORKED);
    CHECK_BYTES(held.name, held.name_len, "a", 1);
    kvreg_event_release(&held);
    CHECK(held.owner == NULL);
    return child_code();
}

/* In the child of a process in which a thread waits for an event, and a writer for room. */
TEST(a_child_is_refused_at_once) {
    listen_to(NULL);
    create("a");
    CHECK_EQ(kvreg_subscription_next(subscription, 0, &held), KVREG_OK);
    waiting = 0;
    threads_start(2, wait_for_ever);
    while (__atomic_load_n(&waiting, __ATOMIC_RELAXED) < 2) sched_yield();
    for (int i = 0; i < 10; i++) CHILD_RUN(refused_in_the_child);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
    threads_join();
    kvreg_event_release(&held);
    teardown();
}

TEST(a_dispatch_whose_function_forks) {
    listen_to(NULL);
    create("a"), create("b");
    plan p = {.until = 1, .forked = 1};
    p.answer = KVREG_OK;
    fflush(stdout);
    p.until = 2; /* after the last one it waits no longer */
    const kvreg_status status = dispatch(&p, 0);
    if (p.forked == 0) _exit(status == KVREG_FORKED && child_code() == 0 ? 9 : 1);
    int end = -1;
    CHECK_EQ(status, KVREG_TIMED_OUT);
    CHECK(p.forked > 0 && waitpid(p.forked, &end, 0) == p.forked && WIFEXITED(end) && WEXITSTATUS(end) == 9);
    leave();
}

int main(void) {
    RUN(sends_events_on_create_and_crash);
    RUN(removes_buckets_on_exit_and_on_crash);
    RUN(all_writers_events_come_in_the_tables_order);
    RUN(many_takers_share_and_end_together);
    RUN(a_close_wakes_all_who_wait);
    RUN(poll_and_epoll_see_what_is_there);
    RUN(a_close_gives_the_descriptors_back);
    RUN(a_descriptor_that_was_closed_ends_nothing);
    RUN(filters_choose);
    RUN(a_full_queue_does_as_it_was_told);
    RUN(a_start_in_the_past);
    RUN(bad_options_subscribe_nothing);
    RUN(a_thread_is_lent_to_a_function);
    RUN(a_dispatch_ends_with_the_registry);
    RUN(a_child_is_refused_at_once);
    RUN(a_dispatch_whose_function_forks);
    return check_end();
}
