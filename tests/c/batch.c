/* A batch is one change: all of it or nothing, whoever looks, and whatever else happens to its buckets. */
#define _GNU_SOURCE 1

#include "make.h"
#include "threads.h"

#include <stdlib.h>

enum { BUCKETS = 8, ROUNDS = 3000 };

static kvreg_registry registry;
static kvreg_bucket bucket, other;
static kvreg_batch batch;

static void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "work", 4, &other), KVREG_OK);
    CHECK_EQ(kvreg_batch_new(registry, &batch), KVREG_OK);
}

static void teardown(void) {
    CHECK_EQ(kvreg_batch_close(batch), KVREG_OK);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

static kvreg_status put_in(kvreg_batch into, kvreg_bucket of, const char *key, int64_t number) {
    const kvreg_value value = int_value(number);
    return kvreg_batch_put(into, of, key, strlen(key), &value);
}

static void put(kvreg_bucket of, const char *key, int64_t number) {
    CHECK_EQ(put_in(batch, of, key, number), KVREG_OK);
}

static uint64_t waiting(void) {
    uint64_t count = UINT64_MAX;
    CHECK_EQ(kvreg_batch_count(batch, &count), KVREG_OK);
    return count;
}

static uint64_t revision_at(kvreg_bucket of, const char *key) {
    uint64_t revision = 0;
    CHECK_EQ(kvreg_bucket_get_revision(of, key, strlen(key), NULL, &revision), KVREG_OK);
    return revision;
}

TEST(nothing_happens_before_the_commit) {
    setup();
    CHECK_EQ(kvreg_put_int(bucket, "eggs", 4, 12), KVREG_OK);
    put(bucket, "milk", 1);
    put(other, "milk", 2);
    put(bucket, "bread", 3);
    CHECK_EQ(kvreg_batch_delete(batch, bucket, "eggs", 4), KVREG_OK);
    CHECK_EQ(kvreg_batch_delete(batch, bucket, "nothing", 7), KVREG_OK);
    CHECK_EQ(waiting(), 5);
    CHECK_EQ(count_of(bucket), 1);
    CHECK_EQ(count_of(other), 0);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    CHECK_EQ(waiting(), 0);
    CHECK_EQ(count_of(bucket), 2);
    CHECK_EQ(number_at(bucket, "milk"), 1);
    CHECK_EQ(number_at(bucket, "bread"), 3);
    CHECK_EQ(number_at(bucket, "eggs"), NO_NUMBER);
    CHECK_EQ(number_at(other, "milk"), 2);
    /* One change for each bucket, and one revision for all keys of it. */
    CHECK_EQ(revision_of(bucket), 2);
    CHECK_EQ(revision_of(other), 1);
    CHECK_EQ(revision_at(bucket, "milk"), 2);
    CHECK_EQ(revision_at(bucket, "bread"), 2);
    teardown();
}

TEST(a_batch_is_used_again) {
    setup();
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    for (int i = 1; i <= 3; i++) {
        put(bucket, "milk", i);
        CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
        CHECK_EQ(number_at(bucket, "milk"), i);
    }
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    CHECK_EQ(revision_of(bucket), 3);
    put(bucket, "milk", 7);
    CHECK_EQ(kvreg_batch_clear(batch), KVREG_OK);
    CHECK_EQ(waiting(), 0);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    CHECK_EQ(number_at(bucket, "milk"), 3);
    teardown();
}

TEST(the_last_of_several_counts) {
    setup();
    put(bucket, "milk", 1);
    put(bucket, "milk", 2);
    CHECK_EQ(kvreg_batch_delete(batch, bucket, "milk", 4), KVREG_OK);
    put(bucket, "eggs", 1);
    CHECK_EQ(kvreg_batch_delete(batch, bucket, "eggs", 4), KVREG_OK);
    put(bucket, "eggs", 12);
    put(bucket, "bread", 1);
    put(bucket, "bread", 2);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    CHECK_EQ(number_at(bucket, "milk"), NO_NUMBER);
    CHECK_EQ(number_at(bucket, "eggs"), 12);
    CHECK_EQ(number_at(bucket, "bread"), 2);
    CHECK_EQ(count_of(bucket), 2);
    CHECK_EQ(revision_of(bucket), 1);
    /* Gone again, although it was there when the batch was made. */
    CHECK_EQ(kvreg_batch_delete(batch, bucket, "bread", 5), KVREG_OK);
    CHECK_EQ(kvreg_delete(bucket, "bread", 5), KVREG_OK);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    CHECK_EQ(count_of(bucket), 1);
    teardown();
}

TEST(large_batches_and_large_values) {
    enum { MANY = 10000 };
    static char text[100000];
    memset(text, 'x', sizeof text);
    setup();
    char key[16];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            const int len = snprintf(key, sizeof key, "%d", i);
            const kvreg_value value = i % 500 ? int_value(i + round)
                                              : bytes_value(KVREG_BYTES, text, sizeof text - (size_t)i);
            if (round == 2 && i % 3 == 0)
                CHECK_EQ(kvreg_batch_delete(batch, i % 2 ? bucket : other, key, (size_t)len), KVREG_OK);
            else CHECK_EQ(kvreg_batch_put(batch, i % 2 ? bucket : other, key, (size_t)len, &value), KVREG_OK);
        }
        memset(text, 'a' + round, sizeof text);
        CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
        CHECK_EQ(revision_of(bucket), round + 1);
    }
    CHECK_EQ(count_of(bucket) + count_of(other), MANY - (MANY + 2) / 3);
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "%d", i);
        if (i % 3 == 0) CHECK_EQ(kvreg_get_bytes(i % 2 ? bucket : other, key, strlen(key), NULL, 0), KVREG_NOT_FOUND);
        else if (i % 500) CHECK_EQ(number_at(i % 2 ? bucket : other, key), i + 2);
        else CHECK_EQ(kvreg_get_bytes(other, key, strlen(key), NULL, 0), (int64_t)sizeof text - i);
    }
    char first = 0;
    CHECK_EQ(kvreg_get_bytes(other, "500", 3, &first, 1), (int64_t)sizeof text - 500);
    CHECK_EQ(first, 'b');
    teardown();
}

TEST(a_refused_commit_changes_nothing) {
    setup();
    kvreg_bucket doomed = 0;
    CHECK_EQ(kvreg_create(registry, "doomed", 6, &doomed), KVREG_OK);
    put(bucket, "milk", 1);
    put(doomed, "milk", 1);
    put(other, "milk", 1);
    CHECK_EQ(kvreg_bucket_stop(doomed, KVREG_REASON_NORMAL), KVREG_OK);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(kvreg_batch_commit(batch), KVREG_DEAD);
        CHECK_EQ(waiting(), 3);
        CHECK_EQ(revision_of(bucket) + revision_of(other), 0);
    }
    /* That the name is taken again does not help: it is another bucket. */
    CHECK_EQ(kvreg_create(registry, "doomed", 6, &doomed), KVREG_OK);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_DEAD);
    CHECK_EQ(kvreg_batch_clear(batch), KVREG_OK);
    put(doomed, "milk", 2);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    CHECK_EQ(number_at(doomed, "milk"), 2);
    /* Nothing is held any more. */
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 3), KVREG_OK);
    CHECK_EQ(kvreg_put_int(other, "milk", 4, 3), KVREG_OK);
    teardown();
}

TEST(what_does_not_belong_into_a_batch) {
    setup();
    kvreg_registry foreign = 0;
    kvreg_bucket stranger = 0;
    CHECK_EQ(kvreg_start(NULL, &foreign), KVREG_OK);
    CHECK_EQ(kvreg_create(foreign, "shopping", 8, &stranger), KVREG_OK);
    CHECK_EQ(put_in(batch, stranger, "milk", 1), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_batch_delete(batch, stranger, "milk", 4), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_stop(foreign), KVREG_OK);
    CHECK_EQ(put_in(batch, stranger, "milk", 1), KVREG_DEAD);
    kvreg_value value = int_value(1);
    value.type = 9;
    CHECK_EQ(kvreg_batch_put(batch, bucket, "milk", 4, &value), KVREG_INVALID_ARGUMENT);
    value = text_value("\xff");
    CHECK_EQ(kvreg_batch_put(batch, bucket, "milk", 4, &value), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_batch_put(batch, bucket, "milk", SIZE_MAX, &value), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(waiting(), 0);
    teardown();
}

TEST(a_batch_of_a_stopped_registry) {
    setup();
    put(bucket, "milk", 1);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_DEAD);
    CHECK_EQ(waiting(), 1);
    CHECK_EQ(put_in(batch, bucket, "milk", 1), KVREG_DEAD);
    CHECK_EQ(kvreg_batch_clear(batch), KVREG_OK);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_STOPPED);
    CHECK_EQ(kvreg_batch_close(batch), KVREG_OK);
    CHECK_EQ(kvreg_batch_close(batch), KVREG_DEAD);
    CHECK_EQ(kvreg_batch_new(registry, &batch), KVREG_STOPPED);
    CHECK_EQ(batch, 0);
}

TEST(a_closed_batch_forgets) {
    setup();
    const kvreg_batch first = batch;
    put(bucket, "milk", 1);
    CHECK_EQ(kvreg_batch_close(batch), KVREG_OK);
    CHECK_EQ(kvreg_batch_commit(first), KVREG_DEAD);
    CHECK_EQ(revision_of(bucket), 0);
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(kvreg_batch_new(registry, &batch), KVREG_OK);
        CHECK(batch != first);
        CHECK_EQ(waiting(), 0);
        put(bucket, "milk", i);
        if (i < 999) CHECK_EQ(kvreg_batch_close(batch), KVREG_OK);
    }
    CHECK_EQ(kvreg_batch_commit(first), KVREG_DEAD);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    CHECK_EQ(number_at(bucket, "milk"), 999);
    teardown();
}

static kvreg_bucket all[BUCKETS];
static char names[BUCKETS][4];

static void setup_all(void) {
    setup();
    for (int i = 0; i < BUCKETS; i++) {
        snprintf(names[i], sizeof names[i], "b%d", i);
        CHECK_EQ(kvreg_create(registry, names[i], strlen(names[i]), &all[i]), KVREG_OK);
    }
}

static int running;

static bool is_running(void) { return __atomic_load_n(&running, __ATOMIC_ACQUIRE) > 0; }

/* Two threads write one number into all buckets, in opposite orders, and sometimes take it away again; the others see
 * the same in all of them. */
static void write_all(int index) {
    kvreg_batch own = 0;
    CHECK_EQ(kvreg_batch_new(registry, &own), KVREG_OK);
    char text[64];
    for (int i = 1; i <= ROUNDS; i++) {
        const int number = i * 2 + index;
        /* Short and long texts in turn. */
        const int len = snprintf(text, sizeof text, i % 2 ? "%d" : "%d and enough to be counted", number);
        const kvreg_value value = bytes_value(KVREG_STR, text, (size_t)len);
        for (int n = 0; n < BUCKETS; n++) {
            const kvreg_bucket into = all[index ? BUCKETS - 1 - n : n];
            CHECK_EQ(put_in(own, into, "n", number), KVREG_OK);
            if (i % 5 == 0) CHECK_EQ(kvreg_batch_delete(own, into, "text", 4), KVREG_OK);
            else CHECK_EQ(kvreg_batch_put(own, into, "text", 4, &value), KVREG_OK);
        }
        CHECK_EQ(kvreg_batch_commit(own), KVREG_OK);
    }
    CHECK_EQ(kvreg_batch_close(own), KVREG_OK);
    __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
}

static void watch_all(int index) {
    (void)index;
    do {
        kvreg_snapshot whole = 0;
        CHECK_EQ(kvreg_snapshot_take(registry, &whole), KVREG_OK);
        const int64_t number = number_inside(whole, names[0], "n");
        for (int n = 0; n < BUCKETS; n++) {
            CHECK_EQ(number_inside(whole, names[n], "n"), number);
            kvreg_value value;
            const kvreg_status status = kvreg_snapshot_get_in(whole, names[n], 2, "text", 4, &value);
            const bool none = number == NO_NUMBER || number / 2 % 5 == 0;
            CHECK_EQ(status, none ? KVREG_NOT_FOUND : KVREG_OK);
            char copy[64] = "";
            if (status == KVREG_OK) memcpy(copy, value.as.bytes.data, value.as.bytes.len);
            if (status == KVREG_OK) CHECK_EQ(atoi(copy), number);
            kvreg_value_release(&value);
            kvreg_snapshot part = 0;
            CHECK_EQ(kvreg_snapshot_bucket(whole, names[n], 2, &part), KVREG_OK);
            CHECK_EQ(count_in(part), number == NO_NUMBER ? 0 : none ? 1 : 2);
            CHECK_EQ(kvreg_snapshot_close(part), KVREG_OK);
        }
        CHECK_EQ(kvreg_snapshot_close(whole), KVREG_OK);
    } while (is_running());
}

static void write_or_watch(int index) { (index < 2 ? write_all : watch_all)(index); }

TEST(no_snapshot_shows_half_a_batch) {
    setup_all();
    running = 2;
    threads_run(4, write_or_watch);
    for (int n = 0; n < BUCKETS; n++) CHECK_EQ(revision_of(all[n]), 2 * ROUNDS);
    teardown();
}

/* Batches over two buckets beside single changes and update functions: every one of them counts. */
static uint32_t one_more(void *data, const kvreg_value *old, kvreg_value *new_value) {
    (void)data;
    *new_value = int_value(old == NULL ? 1 : old->as.integer + 1);
    return KVREG_UPDATE_PUT;
}

static void change_beside(int index) {
    char key[16];
    kvreg_batch own = 0;
    CHECK_EQ(kvreg_batch_new(registry, &own), KVREG_OK);
    for (int i = 0; i < ROUNDS; i++) {
        const int len = snprintf(key, sizeof key, "%d %d", index, i);
        if (index < 2) {
            CHECK_EQ(put_in(own, index ? other : bucket, key, i), KVREG_OK);
            CHECK_EQ(put_in(own, index ? bucket : other, key, i), KVREG_OK);
            CHECK_EQ(kvreg_batch_commit(own), KVREG_OK);
        } else if (index == 2) {
            CHECK_EQ(kvreg_bucket_update(i % 2 ? bucket : other, "n", 1, one_more, NULL, NULL), KVREG_OK);
        } else {
            CHECK_EQ(kvreg_put_int(i % 2 ? bucket : other, key, (size_t)len, i), KVREG_OK);
            CHECK_EQ(kvreg_bucket_add(i % 2 ? bucket : other, "n", 1, 1, NULL, NULL), KVREG_OK);
        }
    }
    CHECK_EQ(kvreg_batch_close(own), KVREG_OK);
}

TEST(commits_wait_for_others_and_others_for_them) {
    setup();
    threads_run(4, change_beside);
    CHECK_EQ(number_at(bucket, "n") + number_at(other, "n"), 2 * ROUNDS);
    CHECK_EQ(count_of(bucket) + count_of(other), 2 * 2 * ROUNDS + ROUNDS + 2);
    CHECK_EQ(revision_of(bucket) + revision_of(other), 2 * 2 * ROUNDS + ROUNDS + 2 * ROUNDS);
    teardown();
}

/* Threads that use one batch take turns: nothing is made twice, nothing is lost. */
static void share_one(int index) {
    char key[16];
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(key, sizeof key, "%d %d", index, i);
        CHECK_EQ(put_in(batch, i % 2 ? bucket : other, key, i), KVREG_OK);
        if (i % 7 == 0) CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    }
}

TEST(one_batch_for_many_threads) {
    setup();
    threads_run(4, share_one);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
    CHECK_EQ(count_of(bucket) + count_of(other), 4 * ROUNDS);
    teardown();
}

static kvreg_batch shared;

static void use_or_close(int index) {
    if (index == 0) {
        for (int i = 0; i < ROUNDS; i++) {
            const kvreg_batch old = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
            kvreg_batch fresh = 0;
            CHECK_EQ(kvreg_batch_new(registry, &fresh), KVREG_OK);
            __atomic_store_n(&shared, fresh, __ATOMIC_RELEASE);
            CHECK_EQ(kvreg_batch_close(old), KVREG_OK);
            CHECK_EQ(kvreg_batch_commit(old), KVREG_DEAD);
        }
        __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
        return;
    }
    static char text[300];
    for (int64_t i = 0; is_running(); i++) {
        const kvreg_batch use = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
        const kvreg_value value = bytes_value(KVREG_BYTES, text, (size_t)(i % 300));
        uint64_t count = 0;
        const kvreg_status statuses[] = {kvreg_batch_put(use, bucket, "a", 1, &value),
                                         kvreg_batch_put(use, other, "a", 1, &value),
                                         kvreg_batch_count(use, &count), kvreg_batch_commit(use)};
        for (int n = 0; n < 4; n++) CHECK(statuses[n] == KVREG_OK || statuses[n] == KVREG_DEAD);
        /* A second close is not taken for one of the next batch. */
        if (i % 50 == 0 && statuses[3] == KVREG_DEAD) CHECK_EQ(kvreg_batch_close(use), KVREG_DEAD);
    }
}

TEST(a_batch_may_be_closed_while_others_use_it) {
    setup();
    running = 1;
    shared = batch;
    threads_run(4, use_or_close);
    batch = shared;
    teardown();
}

/* A batch that another thread uses, and which may wait for this function's bucket, is refused within it. */
static uint32_t use_within(void *data, const kvreg_value *old, kvreg_value *new_value) {
    (void)data, (void)old, (void)new_value;
    uint64_t count;
    const kvreg_status statuses[] = {put_in(batch, bucket, "within", 1), kvreg_batch_count(batch, &count),
                                     kvreg_batch_commit(batch)};
    for (int i = 0; i < 3; i++) CHECK(statuses[i] == KVREG_OK || statuses[i] == KVREG_DEADLOCK);
    return KVREG_UPDATE_KEEP;
}

static void commit_or_update(int index) {
    for (int i = 0; i < ROUNDS; i++) {
        if (index % 2) {
            CHECK_EQ(kvreg_bucket_update(index & 2 ? bucket : other, "n", 1, use_within, NULL, NULL), KVREG_OK);
        } else {
            CHECK_EQ(put_in(batch, other, "n", i), KVREG_OK);
            CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
        }
    }
}

TEST(a_batch_within_an_update_function_does_not_hang) {
    setup();
    threads_run(4, commit_or_update);
    teardown();
}

static void stop_or_commit(int index) {
    kvreg_batch own = 0;
    if (index == 0) {
        CHECK_EQ(kvreg_bucket_stop(other, KVREG_REASON_NORMAL), KVREG_OK);
        return;
    }
    for (kvreg_status status = KVREG_OK; status == KVREG_OK;) {
        CHECK_EQ(kvreg_batch_new(registry, &own), KVREG_OK);
        status = put_in(own, bucket, "n", 1);
        if (status == KVREG_OK) status = put_in(own, other, "n", 1);
        if (status == KVREG_OK) status = kvreg_batch_commit(own);
        CHECK(status == KVREG_OK || status == KVREG_DEAD);
        CHECK_EQ(kvreg_batch_close(own), KVREG_OK);
    }
}

TEST(commits_beside_the_end_of_a_bucket) {
    for (int round = 0; round < 200; round++) {
        setup();
        kvreg_snapshot held = 0;
        if (round % 2) CHECK_EQ(kvreg_snapshot_take(registry, &held), KVREG_OK);
        threads_run(3, stop_or_commit);
        if (held != 0) CHECK_EQ(kvreg_snapshot_close(held), KVREG_OK);
        CHECK_EQ(kvreg_put_int(bucket, "n", 1, 2), KVREG_OK);
        teardown();
    }
}

static void end_or_commit(int index) {
    if (index == 0) {
        CHECK_EQ(kvreg_stop(registry), KVREG_OK);
        return;
    }
    for (kvreg_status status = KVREG_OK; status == KVREG_OK;) {
        kvreg_batch own = 0;
        status = kvreg_batch_new(registry, &own);
        CHECK(status == KVREG_OK || (status == KVREG_STOPPED && own == 0));
        if (status != KVREG_OK) break;
        status = put_in(own, bucket, "n", 1);
        if (status == KVREG_OK) status = put_in(own, other, "n", 1);
        if (status == KVREG_OK) status = kvreg_batch_commit(own);
        CHECK(status == KVREG_OK || status == KVREG_DEAD || status == KVREG_STOPPED);
        CHECK_EQ(kvreg_batch_close(own), KVREG_OK);
    }
}

/* Nothing of it reaches a snapshot that was taken before and outlives the registry. */
TEST(commits_beside_the_end_of_the_registry) {
    for (int round = 0; round < 200; round++) {
        setup();
        kvreg_snapshot held = 0;
        if (round % 2) CHECK_EQ(kvreg_snapshot_take(registry, &held), KVREG_OK);
        threads_run(3, end_or_commit);
        if (held != 0) {
            CHECK_EQ(number_inside(held, "shopping", "n"), NO_NUMBER);
            CHECK_EQ(number_inside(held, "work", "n"), NO_NUMBER);
            CHECK_EQ(kvreg_snapshot_close(held), KVREG_OK);
        }
        CHECK_EQ(kvreg_batch_close(batch), KVREG_OK);
    }
}

int main(void) {
    RUN(nothing_happens_before_the_commit);
    RUN(a_batch_is_used_again);
    RUN(the_last_of_several_counts);
    RUN(large_batches_and_large_values);
    RUN(a_refused_commit_changes_nothing);
    RUN(what_does_not_belong_into_a_batch);
    RUN(a_batch_of_a_stopped_registry);
    RUN(a_closed_batch_forgets);
    RUN(no_snapshot_shows_half_a_batch);
    RUN(commits_wait_for_others_and_others_for_them);
    RUN(one_batch_for_many_threads);
    RUN(a_batch_may_be_closed_while_others_use_it);
    RUN(a_batch_within_an_update_function_does_not_hang);
    RUN(commits_beside_the_end_of_a_bucket);
    RUN(commits_beside_the_end_of_the_registry);
    return check_end();
}
