/* Times to live: what a program asks for, and that it happens without a call. This program waits for what must happen,
 * however long it takes. */
#define _GNU_SOURCE 1

#include "child.h"
#include "shop.h"

#include <sched.h>
#include <time.h>

enum { PATIENCE = 60 };

/* Whether it happens; a minute is only there so that a failure is a failure and no hang. */
#define HAPPENS(condition) \
    do { \
        const time_t begin = time(NULL); \
        while (!(condition) && time(NULL) - begin < PATIENCE) sched_yield(); \
        CHECK(condition); \
    } while (0)

static int64_t remaining(kvreg_bucket of) {
    int64_t left = INT64_MIN;
    CHECK_EQ(kvreg_bucket_remaining(of, &left), KVREG_OK);
    return left;
}

static int64_t remaining_key(kvreg_bucket of, const char *key) {
    int64_t left = INT64_MIN;
    CHECK_EQ(kvreg_bucket_remaining_key(of, key, strlen(key), &left), KVREG_OK);
    return left;
}

static kvreg_status put_for(kvreg_bucket to, const char *key, int64_t ttl_ms) {
    const kvreg_value value = int_value(1);
    return kvreg_bucket_put_for(to, key, strlen(key), &value, ttl_ms);
}

static bool between(int64_t number, int64_t low, int64_t high) { return low <= number && number <= high; }

TEST(a_bucket_has_a_time) {
    setup();
    CHECK_EQ(remaining(bucket), -1);
    CHECK_EQ(kvreg_bucket_touch(bucket), KVREG_OK);
    CHECK_EQ(kvreg_bucket_expire(bucket, 3600000), KVREG_OK);
    CHECK(between(remaining(bucket), 3500000, 3600000));
    CHECK_EQ(kvreg_bucket_touch(bucket), KVREG_OK);
    CHECK_EQ(kvreg_bucket_expire(bucket, INT64_MAX), KVREG_OK);
    CHECK(remaining(bucket) > INT64_C(400) * 366 * 24 * 3600 * 1000);
    CHECK_EQ(kvreg_bucket_expire(bucket, -1), KVREG_OK);
    CHECK_EQ(remaining(bucket), -1);
    CHECK_EQ(kvreg_bucket_expire(bucket, 2), KVREG_OK);
    /* First it goes out of the table, then it dies. */
    HAPPENS(kvreg_bucket_check(bucket) == KVREG_DEAD);
    int64_t left = 7;
    CHECK_EQ(kvreg_lookup_id(registry, "shopping", 8), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_expire(bucket, -1), KVREG_DEAD);
    CHECK_EQ(kvreg_bucket_touch(bucket), KVREG_DEAD);
    CHECK_EQ(kvreg_bucket_remaining(bucket, &left), KVREG_DEAD);
    CHECK_EQ(left, 0);
    CHECK_EQ(kvreg_bucket_expire(other, 0), KVREG_OK);
    HAPPENS(kvreg_bucket_check(other) == KVREG_DEAD);
    teardown();
}

TEST(the_exit_says_why) {
    setup();
    kvreg_subscription subscription = 0;
    CHECK_EQ(kvreg_subscribe(registry, NULL, &subscription), KVREG_OK);
    CHECK_EQ(kvreg_bucket_expire(bucket, 1), KVREG_OK);
    kvreg_event event;
    CHECK_EQ(kvreg_subscription_next(subscription, -1, &event), KVREG_OK);
    CHECK(event.kind == KVREG_EVENT_EXIT && event.reason == KVREG_REASON_EXPIRED && event.bucket == bucket);
    CHECK_BYTES(event.name, event.name_len, "shopping", 8);
    kvreg_event_release(&event);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
    teardown();
}

TEST(a_key_has_a_time) {
    setup();
    CHECK_EQ(put_for(bucket, "long", 3600000), KVREG_OK);
    CHECK_EQ(put_for(bucket, "ever", -1), KVREG_OK);
    CHECK(between(remaining_key(bucket, "long"), 3500000, 3600000));
    CHECK_EQ(remaining_key(bucket, "ever"), -1);
    CHECK_EQ(kvreg_bucket_touch_key(bucket, "long", 4), KVREG_OK);
    CHECK_EQ(kvreg_bucket_touch_key(bucket, "ever", 4), KVREG_OK);
    CHECK_EQ(kvreg_bucket_expire_key(bucket, "ever", 4, 1), KVREG_OK);
    /* The revision is the last of what a change shows. */
    HAPPENS(revision_of(bucket) == 3);
    CHECK_EQ(count_of(bucket), 1);
    CHECK_EQ(number_at(bucket, "ever"), NO_NUMBER);
    int64_t left = 7;
    CHECK_EQ(kvreg_bucket_remaining_key(bucket, "ever", 4, &left), KVREG_NOT_FOUND);
    CHECK_EQ(left, 0);
    CHECK_EQ(kvreg_bucket_expire_key(bucket, "ever", 4, 1), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_expire_key(bucket, "ever", 4, -1), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_touch_key(bucket, "ever", 4), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_add(bucket, "long", 4, 1, NULL, NULL), KVREG_OK);
    CHECK(remaining_key(bucket, "long") > 0);
    CHECK_EQ(kvreg_put_int(bucket, "long", 4, 1), KVREG_OK);
    CHECK_EQ(remaining_key(bucket, "long"), -1);
    CHECK_EQ(put_for(bucket, "now", 0), KVREG_OK);
    HAPPENS(count_of(bucket) == 1);
    teardown();
}

TEST(a_batch_puts_for_a_time) {
    setup();
    kvreg_batch batch = 0;
    const kvreg_value value = text_value("text");
    CHECK_EQ(kvreg_batch_new(registry, &batch), KVREG_OK);
    CHECK_EQ(kvreg_batch_put_for(batch, bucket, "a", 1, &value, 1), KVREG_OK);
    CHECK_EQ(kvreg_batch_put_for(batch, other, "a", 1, &value, 3600000), KVREG_OK);
    CHECK_EQ(kvreg_batch_put_for(batch, other, "b", 1, &value, -1), KVREG_OK);
    CHECK_EQ(kvreg_batch_put_for(batch, other, "c", 1, &value, -2), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_batch_put_for(batch, other, "c", 1, NULL, 1), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    CHECK(remaining_key(other, "a") > 3500000);
    CHECK_EQ(remaining_key(other, "b"), -1);
    HAPPENS(count_of(bucket) == 0);
    CHECK_EQ(count_of(other), 2);
    CHECK_EQ(kvreg_batch_close(batch), KVREG_OK);
    teardown();
}

TEST(a_bucket_is_made_with_times) {
    setup();
    kvreg_bucket_options options = KVREG_BUCKET_OPTIONS_INIT;
    CHECK(options.ttl_ms == -1 && options.idle_ms == -1);
    kvreg_bucket made = 0;
    bool created = false;
    options.ttl_ms = 3600000;
    CHECK_EQ(kvreg_create_with(registry, "short", 5, &options, &made, &created), KVREG_OK);
    CHECK(created && between(remaining(made), 3500000, 3600000));
    options.idle_ms = 1000000;
    CHECK_EQ(kvreg_create_with(registry, "idle", 4, &options, &made, &created), KVREG_OK);
    CHECK(created && between(remaining(made), 900000, 1000000));
    CHECK_EQ(kvreg_put_int(made, "n", 1, 5), KVREG_OK);
    CHECK_EQ(number_at(made, "n"), 5);
    CHECK_EQ(kvreg_lookup_id(registry, "idle", 4), (int64_t)made);
    options.ttl_ms = -1;
    options.idle_ms = 2;
    CHECK_EQ(kvreg_create_with(registry, "brief", 5, &options, &made, &created), KVREG_OK);
    HAPPENS(kvreg_bucket_check(made) == KVREG_DEAD);
    options.idle_ms = -2;
    CHECK_EQ(kvreg_create_with(registry, "bad", 3, &options, &made, &created), KVREG_INVALID_ARGUMENT);
    options.idle_ms = -1;
    options.ttl_ms = INT64_MIN;
    CHECK_EQ(kvreg_create_with(registry, "bad", 3, &options, &made, &created), KVREG_INVALID_ARGUMENT);
    /* A caller of an older version, which does not know them. */
    options.size = offsetof(kvreg_bucket_options, ttl_ms);
    CHECK_EQ(kvreg_create_with(registry, "old", 3, &options, &made, &created), KVREG_OK);
    CHECK_EQ(remaining(made), -1);
    teardown();
}

static kvreg_status listen_to_keys(uint32_t of, kvreg_bucket one, kvreg_subscription *out) {
    kvreg_subscribe_options options = KVREG_SUBSCRIBE_OPTIONS_INIT;
    options.events = KVREG_EVENTS_KEYS;
    options.of = of;
    options.bucket = one;
    return kvreg_subscribe(registry, &options, out);
}

TEST(the_keys_of_a_private_bucket_are_told_to_who_may_read_it) {
    setup();
    kvreg_bucket_options options = KVREG_BUCKET_OPTIONS_INIT;
    options.access = KVREG_ACCESS_PRIVATE;
    kvreg_bucket full = 0, sealed = 0;
    kvreg_subscription all = 0, of_it = 0;
    kvreg_event event;
    CHECK_EQ(kvreg_create_with(registry, "safe", 4, &options, &full, NULL), KVREG_OK);
    CHECK_EQ(kvreg_lookup(registry, "safe", 4, &sealed), KVREG_OK);
    CHECK_EQ(listen_to_keys(KVREG_OF_BUCKET, sealed, &of_it), KVREG_ACCESS_DENIED);
    CHECK_EQ(listen_to_keys(KVREG_OF_BUCKET, full, &of_it), KVREG_OK);
    CHECK_EQ(listen_to_keys(KVREG_OF_ALL, 0, &all), KVREG_OK);
    CHECK_EQ(put_for(full, "secret", 0), KVREG_OK);
    CHECK_EQ(kvreg_subscription_next(of_it, PATIENCE * 1000, &event), KVREG_OK);
    CHECK_BYTES(event.message, event.message_len, "secret", 6);
    CHECK_EQ(event.bucket, sealed);
    kvreg_event_release(&event);
    CHECK_EQ(put_for(bucket, "open", 0), KVREG_OK);
    CHECK_EQ(kvreg_subscription_next(all, PATIENCE * 1000, &event), KVREG_OK);
    CHECK_BYTES(event.message, event.message_len, "open", 4);
    kvreg_event_release(&event);
    teardown();
    CHECK_EQ(kvreg_subscription_close(all), KVREG_OK);
    CHECK_EQ(kvreg_subscription_close(of_it), KVREG_OK);
}

TEST(bad_times_are_refused) {
    setup();
    const int64_t times[] = {-2, -1000, INT64_MIN};
    CHECK_EQ(kvreg_put_int(bucket, "n", 1, 1), KVREG_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(kvreg_bucket_expire(bucket, times[i]), KVREG_INVALID_ARGUMENT);
        CHECK_EQ(put_for(bucket, "n", times[i]), KVREG_INVALID_ARGUMENT);
        CHECK_EQ(kvreg_bucket_expire_key(bucket, "n", 1, times[i]), KVREG_INVALID_ARGUMENT);
    }
    CHECK_EQ(kvreg_bucket_put_for(bucket, "n", 1, NULL, 1), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_remaining(bucket, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_remaining_key(bucket, "n", 1, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(revision_of(bucket), 1);
    kvreg_bucket reader = 0;
    CHECK_EQ(kvreg_bucket_reader(bucket, &reader), KVREG_OK);
    CHECK_EQ(kvreg_bucket_expire(reader, 1), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_bucket_touch(reader), KVREG_ACCESS_DENIED);
    CHECK_EQ(put_for(reader, "n", 1), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_bucket_expire_key(reader, "n", 1, 1), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_bucket_touch_key(reader, "n", 1), KVREG_ACCESS_DENIED);
    CHECK_EQ(remaining(reader), -1);
    CHECK_EQ(remaining_key(reader, "n"), -1);
    teardown();
    CHECK_EQ(kvreg_bucket_expire(bucket, 1), KVREG_DEAD);
    CHECK_EQ(put_for(bucket, "n", 1), KVREG_DEAD);
}

static int in_child(void) {
    int64_t left = 7;
    CHECK_EQ(kvreg_bucket_expire(bucket, 1), KVREG_FORKED);
    CHECK_EQ(kvreg_bucket_remaining(bucket, &left), KVREG_FORKED);
    CHECK_EQ(put_for(bucket, "n", 1), KVREG_FORKED);
    /* What has a time stays: nobody is left to end it. */
    CHECK_EQ(number_at(bucket, "n"), 1);
    return child_code();
}

TEST(a_child_of_a_fork_has_no_times) {
    setup();
    CHECK_EQ(put_for(bucket, "n", 3600000), KVREG_OK);
    CHILD_RUN(in_child);
    CHECK_EQ(kvreg_bucket_expire_key(bucket, "n", 1, 1), KVREG_OK);
    HAPPENS(count_of(bucket) == 0);
    teardown();
}

int main(void) {
    RUN(a_bucket_has_a_time);
    RUN(the_exit_says_why);
    RUN(a_key_has_a_time);
    RUN(a_batch_puts_for_a_time);
    RUN(a_bucket_is_made_with_times);
    RUN(the_keys_of_a_private_bucket_are_told_to_who_may_read_it);
    RUN(bad_times_are_refused);
    RUN(a_child_of_a_fork_has_no_times);
    return check_end();
}
