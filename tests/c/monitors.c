/* Monitors: each tells once of its bucket's exit, or was cancelled and tells nothing. */
#define _GNU_SOURCE 1

#include "listen.h"
#include "threads.h"

enum { BUCKETS = 2000 };

static kvreg_monitor monitor(kvreg_bucket bucket, kvreg_subscription subscription) {
    kvreg_monitor out = 0;
    CHECK_EQ(kvreg_bucket_monitor(bucket, subscription, &out), KVREG_OK);
    CHECK(out != 0);
    return out;
}

static kvreg_subscription only_monitors(void) {
    kvreg_subscribe_options options = KVREG_SUBSCRIBE_OPTIONS_INIT;
    options.events = 0;
    options.capacity = 1 << 20;
    return subscribe(&options);
}

static void is_down(kvreg_subscription subscription, kvreg_monitor of, kvreg_bucket bucket, uint32_t reason) {
    kvreg_event event;
    CHECK_EQ(kvreg_subscription_next(subscription, SOON, &event), KVREG_OK);
    CHECK_EQ(event.kind, KVREG_EVENT_DOWN);
    CHECK_EQ(event.count, of);
    CHECK_EQ(event.bucket, bucket);
    CHECK_EQ(event.reason, reason);
    kvreg_event_release(&event);
}

/* The guide's "monitors existing entries". */
TEST(monitors_existing_entries) {
    setup();
    const kvreg_bucket bucket = create("shopping");
    const kvreg_subscription subscription = only_monitors();
    const kvreg_monitor first = monitor(bucket, subscription), second = monitor(bucket, subscription);
    CHECK(first != second);
    CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_KILLED), KVREG_OK);
    is_down(subscription, first, bucket, KVREG_REASON_KILLED);
    is_down(subscription, second, bucket, KVREG_REASON_KILLED);
    CHECK_EQ(status_now(subscription), KVREG_TIMED_OUT);
    CHECK_EQ(kvreg_monitor_cancel(first), KVREG_DEAD);
    /* One that has exited tells at once. */
    is_down(subscription, monitor(bucket, subscription), bucket, KVREG_REASON_KILLED);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
    teardown();
}

/* The events that a full queue drops are counted, those of monitors too, and no snapshot makes up for them. */
TEST(a_full_queue_drops_what_monitors_told) {
    setup();
    kvreg_subscribe_options options = KVREG_SUBSCRIBE_OPTIONS_INIT;
    options.events = 0;
    options.capacity = 1;
    const kvreg_subscription subscription = subscribe(&options);
    const kvreg_bucket first = create("first"), second = create("second");
    const kvreg_monitor lost = monitor(first, subscription), told = monitor(second, subscription);
    CHECK_EQ(kvreg_bucket_stop(first, KVREG_REASON_NORMAL), KVREG_OK);
    CHECK_EQ(kvreg_bucket_stop(second, KVREG_REASON_KILLED), KVREG_OK);
    CHECK_EQ(kvreg_monitor_cancel(lost), KVREG_DEAD);
    kvreg_snapshot snapshot = 0;
    CHECK_EQ(kvreg_subscription_snapshot(subscription, &snapshot), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_close(snapshot), KVREG_OK);
    kvreg_event event;
    CHECK_EQ(kvreg_subscription_next(subscription, SOON, &event), KVREG_OK);
    CHECK_EQ(event.kind, KVREG_EVENT_LOST);
    CHECK_EQ(event.count, 1);
    kvreg_event_release(&event);
    is_down(subscription, told, second, KVREG_REASON_KILLED);
    CHECK_EQ(status_now(subscription), KVREG_TIMED_OUT);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
    teardown();
}

TEST(a_stop_of_the_registry_is_told_too) {
    setup();
    const kvreg_bucket bucket = create("shopping");
    const kvreg_subscription subscription = only_monitors();
    const kvreg_monitor one = monitor(bucket, subscription);
    teardown();
    is_down(subscription, one, bucket, KVREG_REASON_SHUTDOWN);
    CHECK_EQ(status_now(subscription), KVREG_STOPPED);
    kvreg_monitor out = 7;
    CHECK_EQ(kvreg_bucket_monitor(bucket, subscription, &out), KVREG_STOPPED);
    CHECK_EQ(out, 0);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
    CHECK_EQ(kvreg_monitor_cancel(one), KVREG_DEAD);
}

TEST(bad_monitors_are_refused) {
    setup();
    const kvreg_bucket bucket = create("shopping");
    const kvreg_subscription subscription = only_monitors();
    kvreg_registry elsewhere = 0;
    kvreg_bucket foreign = 0;
    kvreg_monitor out = 7;
    CHECK_EQ(kvreg_start(NULL, &elsewhere), KVREG_OK);
    CHECK_EQ(kvreg_create(elsewhere, "shopping", 8, &foreign), KVREG_OK);
    CHECK_EQ(kvreg_bucket_monitor(foreign, subscription, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(out, 0);
    CHECK_EQ(kvreg_bucket_monitor(registry, subscription, &out), KVREG_BAD_HANDLE);
    CHECK_EQ(kvreg_bucket_monitor(bucket, bucket, &out), KVREG_BAD_HANDLE);
    const kvreg_monitor over = monitor(bucket, subscription);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
    CHECK_EQ(kvreg_monitor_cancel(over), KVREG_DEAD);
    CHECK_EQ(kvreg_bucket_monitor(bucket, subscription, &out), KVREG_DEAD);
    CHECK_EQ(kvreg_stop(elsewhere), KVREG_OK);
    teardown();
}

static kvreg_bucket buckets[BUCKETS];
static kvreg_monitor monitors[BUCKETS];
static int cancelled[BUCKETS], told[BUCKETS];
static kvreg_subscription raced;
static int ended;

/* Three at once: the buckets exit, their monitors are set and cancelled, and what is told is taken. */
static void race(int index) {
    for (int i = 0; i < BUCKETS && index == 0; i++) CHECK_EQ(kvreg_bucket_stop(buckets[i], KVREG_REASON_NORMAL), KVREG_OK);
    for (int i = 0; i < BUCKETS && index == 1; i++) {
        const kvreg_monitor one = monitor(buckets[i], raced);
        __atomic_store_n(&monitors[i], one, __ATOMIC_RELAXED);
        if (i % 2) continue;
        const kvreg_status status = kvreg_monitor_cancel(one);
        CHECK(status == KVREG_OK || status == KVREG_DEAD);
        cancelled[i] = status == KVREG_OK;
    }
    if (index == 1) __atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
    while (index == 2) {
        const int last = __atomic_load_n(&ended, __ATOMIC_ACQUIRE);
        kvreg_event event;
        while (kvreg_subscription_next(raced, 0, &event) == KVREG_OK) {
            for (int i = 0; i < BUCKETS; i++) told[i] += buckets[i] == event.bucket;
            kvreg_event_release(&event);
        }
        if (last) break;
        sched_yield();
    }
}

TEST(each_tells_once_or_was_cancelled) {
    for (int round = 0; round < 5; round++) {
        setup();
        raced = only_monitors();
        ended = 0;
        memset(told, 0, sizeof told);
        memset(cancelled, 0, sizeof cancelled);
        for (int i = 0; i < BUCKETS; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d", i);
            buckets[i] = create(name);
        }
        threads_run(3, race);
        /* What the exits have told since. */
        kvreg_event event;
        while (kvreg_subscription_next(raced, 0, &event) == KVREG_OK) {
            for (int i = 0; i < BUCKETS; i++) told[i] += buckets[i] == event.bucket;
            kvreg_event_release(&event);
        }
        for (int i = 0; i < BUCKETS; i++) {
            CHECK_EQ(told[i] + cancelled[i], 1);
            CHECK_EQ(kvreg_monitor_cancel(monitors[i]), KVREG_DEAD);
        }
        CHECK_EQ(kvreg_subscription_close(raced), KVREG_OK);
        teardown();
    }
}

/* Monitors that are set while the subscription is closed end with it, whoever was first. */
static void set_or_close(int index) {
    if (index == 1) {
        CHECK_EQ(kvreg_subscription_close(raced), KVREG_OK);
        return;
    }
    kvreg_monitor out = 0;
    const kvreg_status status = kvreg_bucket_monitor(buckets[0], raced, &out);
    CHECK(status == KVREG_OK || status == KVREG_DEAD);
    monitors[0] = out;
}

TEST(a_monitor_beside_the_end_of_its_subscription) {
    setup();
    buckets[0] = create("shopping");
    for (int round = 0; round < 300; round++) {
        raced = only_monitors();
        threads_run(2, set_or_close);
        if (monitors[0] != 0) CHECK_EQ(kvreg_monitor_cancel(monitors[0]), KVREG_DEAD);
    }
    teardown();
}

int main(void) {
    RUN(monitors_existing_entries);
    RUN(a_full_queue_drops_what_monitors_told);
    RUN(a_stop_of_the_registry_is_told_too);
    RUN(bad_monitors_are_refused);
    RUN(each_tells_once_or_was_cancelled);
    RUN(a_monitor_beside_the_end_of_its_subscription);
    return check_end();
}
