/* Snapshots between threads: all of it at one moment, closed while others read, beside what comes and goes. */
#define _GNU_SOURCE 1

#include "shots.h"
#include "threads.h"

enum { ROUNDS = 3000, READERS = 3 };

static int running;

static bool is_running(void) { return __atomic_load_n(&running, __ATOMIC_ACQUIRE) > 0; }

static const char *const pair[] = {"first", "second"};

/* Two writers of their own pairs of buckets: the first is never behind the second, nor more than one step before it. */
static void write_pairs(int index) {
    char key[2] = {(char)('a' + index), 0};
    const kvreg_bucket buckets[] = {make(pair[0]), make(pair[1])};
    for (int64_t i = 1; i <= ROUNDS; i++) {
        put(buckets[0], key, i);
        put(buckets[1], key, i);
        if (i % 100 == 0) {
            CHECK_EQ(kvreg_delete(buckets[1], key, 1), KVREG_OK);
            put(buckets[1], key, i);
        }
    }
    __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
}

static void watch_pairs(int index) {
    int64_t before[2] = {0, 0};
    do {
        const kvreg_snapshot whole = take_all();
        for (int writer = 0; writer < 2; writer++) {
            const char key[2] = {(char)('a' + writer), 0};
            for (int again = 0; again < 2; again++) {
                const int64_t first = number_inside(whole, pair[0], key), second = number_inside(whole, pair[1], key);
                if (first == NO_NUMBER) CHECK_EQ(second, NO_NUMBER);
                else if (second == NO_NUMBER) CHECK(first == 1 || first % 100 == 0);
                else CHECK(first == second || first == second + 1);
                CHECK(first >= before[writer] || before[writer] == 0);
                if (first != NO_NUMBER) before[writer] = first;
            }
        }
        close_it(whole);
    } while (is_running());
    (void)index;
}

static void write_or_watch(int index) { (index < 2 ? write_pairs : watch_pairs)(index); }

TEST(all_buckets_are_shown_at_one_moment) {
    setup();
    running = 2;
    threads_run(4, write_or_watch);
    teardown();
}

/* Whoever uses a snapshot that another thread closes meanwhile gets what it showed, or learns that it is closed. */
static kvreg_snapshot shared[2];

static void use_what_is_closed(int index) {
    char text[2][32];
    if (index == 0) {
        for (int64_t i = 1; i <= ROUNDS; i++) {
            const int which = (int)(i % 2);
            const kvreg_snapshot old = __atomic_load_n(&shared[which], __ATOMIC_ACQUIRE);
            __atomic_store_n(&shared[which], which ? take(bucket) : take_all(), __ATOMIC_RELEASE);
            CHECK_EQ(kvreg_snapshot_close(old), KVREG_OK);
            CHECK_EQ(kvreg_snapshot_close(old), KVREG_DEAD);
            /* Both texts are replaced in one step. */
            kvreg_batch batch = 0;
            CHECK_EQ(kvreg_batch_new(registry, &batch), KVREG_OK);
            for (int n = 0; n < 2; n++) {
                const int len = snprintf(text[n], sizeof text[n], "%s text %d", n ? "this is a longer" : "a", (int)i);
                const kvreg_value value = bytes_value(KVREG_STR, text[n], (size_t)len);
                CHECK_EQ(kvreg_batch_put(batch, bucket, n ? "b" : "a", 1, &value), KVREG_OK);
            }
            CHECK_EQ(kvreg_batch_commit(batch), KVREG_OK);
            CHECK_EQ(kvreg_batch_close(batch), KVREG_OK);
        }
        __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
        return;
    }
    long good = 0;
    for (unsigned i = 0; is_running() || good == 0; i++) {
        const kvreg_snapshot snapshot = __atomic_load_n(&shared[i % 2], __ATOMIC_ACQUIRE);
        kvreg_value a, b;
        const kvreg_status got_a = i % 2 ? kvreg_snapshot_get(snapshot, "a", 1, &a)
                                         : kvreg_snapshot_get_in(snapshot, "shopping", 8, "a", 1, &a);
        const kvreg_status got_b = i % 2 ? kvreg_snapshot_get(snapshot, "b", 1, &b)
                                         : kvreg_snapshot_get_in(snapshot, "shopping", 8, "b", 1, &b);
        CHECK(got_a == KVREG_OK || got_a == KVREG_DEAD || got_a == KVREG_NOT_FOUND);
        CHECK(got_b == KVREG_OK || got_b == KVREG_DEAD || got_b == KVREG_NOT_FOUND);
        if (got_a == KVREG_OK && got_b == KVREG_OK) {
            int numbers[2] = {-1, -2};
            char copy[2][32] = {"", ""};
            memcpy(copy[0], a.as.bytes.data, a.as.bytes.len);
            memcpy(copy[1], b.as.bytes.data, b.as.bytes.len);
            CHECK(sscanf(copy[0], "a text %d", &numbers[0]) == 1);
            CHECK(sscanf(copy[1], "this is a longer text %d", &numbers[1]) == 1);
            CHECK_EQ(numbers[0], numbers[1]);
            good++;
        }
        kvreg_value_release(&a);
        kvreg_value_release(&b);
        kvreg_snapshot inside = 0;
        if (i % 2 == 0 && kvreg_snapshot_bucket(snapshot, "shopping", 8, &inside) == KVREG_OK) {
            CHECK_EQ(kvreg_snapshot_dump(inside, NULL, 0) >= 0, true);
            close_it(inside);
        }
        const int64_t dump = kvreg_snapshot_dump(snapshot, NULL, 0);
        CHECK(dump >= 0 || dump == KVREG_DEAD);
        uint64_t count = 7;
        const kvreg_status counted = kvreg_snapshot_count(snapshot, &count);
        CHECK(counted == KVREG_DEAD ? count == 0 : counted == KVREG_OK && count <= 2);
    }
}

TEST(a_snapshot_may_be_closed_while_others_read_it) {
    setup();
    shared[0] = take_all();
    shared[1] = take(bucket);
    running = 1;
    threads_run(1 + READERS, use_what_is_closed);
    close_it(shared[0]);
    close_it(shared[1]);
    teardown();
}

static kvreg_snapshot contested[ROUNDS];
static int closed;

static void close_each(int index) {
    for (int i = 0; i < ROUNDS; i++) {
        const kvreg_status status = kvreg_snapshot_close(contested[index % 2 ? i : ROUNDS - 1 - i]);
        CHECK(status == KVREG_OK || status == KVREG_DEAD);
        if (status == KVREG_OK) __atomic_fetch_add(&closed, 1, __ATOMIC_RELAXED);
    }
}

/* After the registry's end: the last of them frees all of it. */
TEST(each_is_closed_once) {
    setup();
    closed = 0;
    for (int i = 0; i < ROUNDS; i++) {
        put(bucket, i % 2 ? "milk" : "eggs", i);
        contested[i] = i % 3 ? take(bucket) : take_all();
    }
    teardown();
    threads_run(4, close_each);
    CHECK_EQ(closed, ROUNDS);
}

/* Buckets come and go beside the snapshots, and registries end while they are held. */
static void churn_or_take(int index) {
    if (index == 0) {
        for (int i = 0; i < ROUNDS; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d", i % 50);
            const kvreg_bucket made = make(name);
            put(made, "number", i % 50);
            fill(made, i % 40);
            if (i % 3) CHECK_EQ(kvreg_bucket_stop(made, KVREG_REASON_NORMAL), KVREG_OK);
        }
        __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
        return;
    }
    kvreg_snapshot held[8] = {0};
    for (unsigned i = 0; is_running(); i++) {
        kvreg_snapshot *place = &held[i % 8];
        if (*place != 0) close_it(*place);
        *place = take_all();
        const kvreg_snapshot look = held[(i * 5 + 3) % 8] ? held[(i * 5 + 3) % 8] : *place;
        kvreg_cursor cursor = KVREG_CURSOR_INIT;
        const char *name;
        size_t len;
        uint64_t names = 0;
        kvreg_value value;
        while (kvreg_snapshot_next_name(look, &cursor, &name, &len, NULL) == KVREG_OK) {
            names++;
            const kvreg_status status = kvreg_snapshot_get_in(look, name, len, "number", 6, &value);
            CHECK(status == KVREG_OK || status == KVREG_NOT_FOUND);
            char copy[16] = "";
            if (status == KVREG_OK && CHECK(len < 16)) CHECK_EQ(value.as.integer, atoi((memcpy(copy, name, len), copy)));
        }
        CHECK_EQ(names, count_in(look));
    }
    for (int i = 0; i < 8; i++)
        if (held[i] != 0) close_it(held[i]);
}

TEST(snapshots_beside_buckets_that_come_and_go) {
    setup();
    CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
    running = 1;
    threads_run(3, churn_or_take);
    teardown();
}

static void take_or_stop(int index) {
    if (index == 0) {
        CHECK_EQ(kvreg_stop(registry), KVREG_OK);
        return;
    }
    for (kvreg_status status = KVREG_OK; status == KVREG_OK;) {
        kvreg_snapshot snapshot = 0;
        status = index % 2 ? kvreg_snapshot_take(registry, &snapshot) : kvreg_bucket_snapshot(bucket, &snapshot);
        CHECK(status == KVREG_OK || status == (index % 2 ? KVREG_STOPPED : KVREG_DEAD));
        if (status != KVREG_OK) break;
        const int64_t milk = index % 2 ? number_inside(snapshot, "shopping", "milk") : number_in(snapshot, "milk");
        CHECK(milk == 1 || (milk == NO_NUMBER && index % 2 && count_in(snapshot) == 0));
        close_it(snapshot);
    }
}

TEST(snapshots_beside_the_end_of_the_registry) {
    for (int round = 0; round < 200; round++) {
        setup();
        put(bucket, "milk", 1);
        threads_run(4, take_or_stop);
    }
}

/* The last close of a stopped registry frees everything, while others read it. */
static void close_or_read(int index) {
    if (index == 0) {
        close_it(shared[0]);
        close_it(shared[1]);
        return;
    }
    for (bool alive = true; alive;) {
        kvreg_value value;
        const char *name, *key;
        size_t len;
        kvreg_cursor names = KVREG_CURSOR_INIT, keys = KVREG_CURSOR_INIT;
        const int64_t answers[] = {kvreg_snapshot_next(shared[0], &keys, &key, &len, &value),
                                   kvreg_snapshot_next_name(shared[1], &names, &name, &len, NULL),
                                   kvreg_snapshot_dump(shared[0], NULL, 0), kvreg_snapshot_dump(shared[1], NULL, 0)};
        const kvreg_status got = kvreg_snapshot_get_in(shared[1], "shopping", 8, "key 7", 5, &value);
        CHECK(got == KVREG_DEAD || (got == KVREG_OK && value.as.integer == 7));
        for (int i = 0; i < 4; i++) CHECK(answers[i] >= 0 || answers[i] == KVREG_DEAD);
        alive = got == KVREG_OK || answers[0] == KVREG_OK;
    }
}

TEST(readers_beside_the_last_close) {
    for (int round = 0; round < 200; round++) {
        setup();
        fill(bucket, 100);
        shared[0] = take(bucket);
        shared[1] = take_all();
        teardown();
        threads_run(4, close_or_read);
    }
}

int main(void) {
    RUN(all_buckets_are_shown_at_one_moment);
    RUN(a_snapshot_may_be_closed_while_others_read_it);
    RUN(each_is_closed_once);
    RUN(snapshots_beside_buckets_that_come_and_go);
    RUN(snapshots_beside_the_end_of_the_registry);
    RUN(readers_beside_the_last_close);
    return check_end();
}
