/* A snapshot shows one moment, for as long as it is held, whatever becomes of what it shows. */
#define _GNU_SOURCE 1

#include "make.h"
#include "packed.h"
#include "threads.h"

#include <stdlib.h>

enum { KEYS = 2000, MOMENTS = 60, ROUNDS = 3000, READERS = 3 };

static kvreg_registry registry;
static kvreg_bucket bucket;

static void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
}

static void teardown(void) { CHECK_EQ(kvreg_stop(registry), KVREG_OK); }

static kvreg_snapshot take_all(void) {
    kvreg_snapshot snapshot = 0;
    CHECK_EQ(kvreg_snapshot_take(registry, &snapshot), KVREG_OK);
    return snapshot;
}

static kvreg_snapshot take(kvreg_bucket of) {
    kvreg_snapshot snapshot = 0;
    CHECK_EQ(kvreg_bucket_snapshot(of, &snapshot), KVREG_OK);
    return snapshot;
}

static void close_it(kvreg_snapshot snapshot) { CHECK_EQ(kvreg_snapshot_close(snapshot), KVREG_OK); }

static kvreg_bucket make(const char *name) {
    kvreg_bucket made = 0;
    CHECK_EQ(kvreg_create(registry, name, strlen(name), &made), KVREG_OK);
    return made;
}

static void put(kvreg_bucket into, const char *key, int64_t number) {
    CHECK_EQ(kvreg_put_int(into, key, strlen(key), number), KVREG_OK);
}

TEST(what_comes_later_is_not_in_it) {
    setup();
    put(bucket, "milk", 1);
    put(bucket, "eggs", 12);
    const kvreg_snapshot part = take(bucket), whole = take_all();
    put(bucket, "milk", 2);
    put(bucket, "bread", 3);
    CHECK_EQ(kvreg_delete(bucket, "eggs", 4), KVREG_OK);
    const kvreg_bucket work = make("work");
    put(work, "milk", 7);
    const kvreg_snapshot later = take_all();

    CHECK_EQ(number_in(part, "milk"), 1);
    CHECK_EQ(number_in(part, "eggs"), 12);
    CHECK_EQ(number_in(part, "bread"), NO_NUMBER);
    CHECK_EQ(count_in(part), 2);
    CHECK_EQ(revision_in(part), 2);
    CHECK_EQ(number_inside(whole, "shopping", "milk"), 1);
    CHECK_EQ(number_inside(whole, "shopping", "eggs"), 12);
    CHECK_EQ(number_inside(whole, "work", "milk"), NO_NUMBER);
    CHECK_EQ(count_in(whole), 1);
    CHECK_EQ(revision_in(whole), 1);
    CHECK_EQ(number_inside(later, "shopping", "milk"), 2);
    CHECK_EQ(number_inside(later, "shopping", "eggs"), NO_NUMBER);
    CHECK_EQ(number_inside(later, "work", "milk"), 7);
    CHECK_EQ(count_in(later), 2);
    CHECK_EQ(number_at(bucket, "milk"), 2);

    uint64_t revision = 9;
    kvreg_value value = int_value(9);
    CHECK_EQ(kvreg_snapshot_get_revision(part, "eggs", 4, &value, &revision), KVREG_OK);
    CHECK_EQ(revision, 2);
    CHECK_EQ(value.as.integer, 12);
    CHECK_EQ(kvreg_snapshot_get_revision(part, "bread", 5, &value, &revision), KVREG_NOT_FOUND);
    CHECK_EQ(revision, 0);
    CHECK_EQ(value.type, KVREG_NIL);
    close_it(part);
    close_it(later);
    close_it(whole);
    teardown();
}

TEST(empty_things_have_snapshots) {
    kvreg_registry empty;
    kvreg_snapshot none = 0;
    CHECK_EQ(kvreg_start(NULL, &empty), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_take(empty, &none), KVREG_OK);
    kvreg_bucket made = 0;
    CHECK_EQ(kvreg_create(empty, "a", 1, &made), KVREG_OK);
    const kvreg_snapshot part = take(made);
    CHECK_EQ(kvreg_put_int(made, "key", 3, 1), KVREG_OK);
    const char *bytes;
    size_t len;
    kvreg_cursor cursor = KVREG_CURSOR_INIT;
    CHECK_EQ(count_in(none), 0);
    CHECK_EQ(kvreg_snapshot_next_name(none, &cursor, &bytes, &len, NULL), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_snapshot_next_name(none, &cursor, &bytes, &len, NULL), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_snapshot_dump(none, NULL, 0), 0);
    CHECK_EQ(count_in(part), 0);
    CHECK_EQ(revision_in(part), 0);
    CHECK_EQ(number_in(part, "key"), NO_NUMBER);
    cursor = (kvreg_cursor)KVREG_CURSOR_INIT;
    CHECK_EQ(kvreg_snapshot_next(part, &cursor, &bytes, &len, NULL), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_snapshot_dump(part, NULL, 0), 0);
    close_it(none);
    close_it(part);
    CHECK_EQ(kvreg_stop(empty), KVREG_OK);
}

static void fill(kvreg_bucket into, int count) {
    char key[16];
    for (int i = 0; i < count; i++) {
        const int len = snprintf(key, sizeof key, "key %d", i);
        CHECK_EQ(kvreg_put_int(into, key, (size_t)len, i), KVREG_OK);
    }
}

/* All keys of `fill`, each once and with its number. */
static void walk(kvreg_snapshot snapshot, int count) {
    static unsigned char seen[KEYS];
    memset(seen, 0, sizeof seen);
    kvreg_cursor cursor = KVREG_CURSOR_INIT;
    const char *key;
    size_t len;
    kvreg_value value;
    kvreg_status status;
    int found = 0;
    while ((status = kvreg_snapshot_next(snapshot, &cursor, &key, &len, &value)) == KVREG_OK && found <= count) {
        char copy[16] = "";
        if (!CHECK(len > 4 && len < sizeof copy)) return;
        memcpy(copy, key, len);
        const int number = atoi(copy + 4);
        if (!CHECK(number >= 0 && number < count) || !CHECK_EQ(value.as.integer, number)) return;
        CHECK_EQ(seen[number]++, 0);
        found++;
    }
    CHECK_EQ(status, KVREG_NOT_FOUND);
    CHECK_EQ(found, count);
    CHECK_EQ(kvreg_snapshot_next(snapshot, &cursor, &key, &len, &value), KVREG_NOT_FOUND);
    CHECK(key == NULL && len == 0 && value.type == KVREG_NIL);
}

TEST(a_snapshot_outlives_its_bucket_and_its_registry) {
    setup();
    fill(bucket, KEYS);
    const kvreg_snapshot part = take(bucket), whole = take_all();
    CHECK_EQ(kvreg_bucket_clear(bucket, NULL), KVREG_OK);
    walk(part, KEYS);
    CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_KILLED), KVREG_OK);
    walk(part, KEYS);
    kvreg_bucket found = 0;
    CHECK_EQ(kvreg_snapshot_lookup(whole, "shopping", 8, &found), KVREG_OK);
    CHECK_EQ(found, bucket);
    CHECK_EQ(kvreg_bucket_check(found), KVREG_DEAD);
    kvreg_snapshot none = 1;
    CHECK_EQ(kvreg_bucket_snapshot(bucket, &none), KVREG_DEAD);
    CHECK_EQ(none, 0);
    kvreg_snapshot inside = 0;
    CHECK_EQ(kvreg_snapshot_bucket(whole, "shopping", 8, &inside), KVREG_OK);
    teardown();
    none = 1;
    CHECK_EQ(kvreg_snapshot_take(registry, &none), KVREG_STOPPED);
    CHECK_EQ(none, 0);
    walk(part, KEYS);
    walk(inside, KEYS);
    close_it(part);
    close_it(whole);
    walk(inside, KEYS);
    CHECK_EQ(kvreg_snapshot_bucket(whole, "shopping", 8, &none), KVREG_DEAD);
    close_it(inside);
    CHECK_EQ(kvreg_snapshot_close(inside), KVREG_DEAD);
}

TEST(what_it_gives_outlives_it) {
    static char text[5000];
    memset(text, 'x', sizeof text);
    setup();
    CHECK_EQ(kvreg_put_str(bucket, "short", 5, "milk", 4), KVREG_OK);
    CHECK_EQ(kvreg_put_str(bucket, "long", 4, text, sizeof text), KVREG_OK);
    const kvreg_snapshot part = take(bucket);
    CHECK_EQ(kvreg_delete(bucket, "long", 4), KVREG_OK);
    kvreg_value values[2];
    CHECK_EQ(kvreg_snapshot_get(part, "short", 5, &values[0]), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_get(part, "long", 4, &values[1]), KVREG_OK);
    close_it(part);
    teardown();
    CHECK_BYTES(values[0].as.bytes.data, values[0].as.bytes.len, "milk", 4);
    CHECK_BYTES(values[1].as.bytes.data, values[1].as.bytes.len, text, sizeof text);
    kvreg_value_release(&values[0]);
    kvreg_value_release(&values[1]);
}

TEST(a_bucket_in_a_snapshot_is_a_snapshot) {
    setup();
    put(bucket, "milk", 1);
    const kvreg_snapshot whole = take_all();
    put(bucket, "milk", 2);
    kvreg_snapshot part = 0, none = 1;
    CHECK_EQ(kvreg_snapshot_bucket(whole, "work", 4, &none), KVREG_NOT_FOUND);
    CHECK_EQ(none, 0);
    CHECK_EQ(kvreg_snapshot_bucket(whole, "shopping", 8, &part), KVREG_OK);
    CHECK(part != whole);
    CHECK_EQ(number_in(part, "milk"), 1);
    CHECK_EQ(revision_in(part), 1);
    close_it(part);
    CHECK_EQ(number_inside(whole, "shopping", "milk"), 1);
    CHECK_EQ(kvreg_snapshot_bucket(whole, "shopping", 8, &part), KVREG_OK);
    close_it(whole);
    CHECK_EQ(number_in(part, "milk"), 1);
    close_it(part);
    teardown();
}

TEST(names_are_visited_once_each) {
    setup();
    CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
    char name[16];
    static kvreg_bucket made[KEYS];
    for (int i = 0; i < KEYS; i++) {
        snprintf(name, sizeof name, "%d", i);
        made[i] = make(name);
    }
    const kvreg_snapshot whole = take_all();
    for (int i = 0; i < KEYS; i += 2) CHECK_EQ(kvreg_bucket_stop(made[i], KVREG_REASON_NORMAL), KVREG_OK);
    for (int i = 0; i < KEYS; i++) {
        snprintf(name, sizeof name, "new %d", i);
        make(name);
    }
    static const char *names[KEYS + 1];
    static unsigned char seen[KEYS];
    memset(seen, 0, sizeof seen);
    int found = 0;
    kvreg_cursor cursor = KVREG_CURSOR_INIT;
    size_t len;
    kvreg_bucket of;
    while (kvreg_snapshot_next_name(whole, &cursor, &names[found], &len, &of) == KVREG_OK) {
        char copy[16] = "";
        REQUIRE(len > 0 && len < sizeof copy && found < KEYS);
        memcpy(copy, names[found], len);
        const int number = atoi(copy);
        REQUIRE(number >= 0 && number < KEYS);
        CHECK_EQ(of, made[number]);
        CHECK_EQ(seen[number]++, 0);
        found++;
    }
    CHECK_EQ(found, KEYS);
    close_it(whole);
    teardown();
}

/* In the order of the last walk, from any place in it, and from numbers that were never given out. */
TEST(any_cursor_is_some_place) {
    setup();
    fill(bucket, KEYS);
    const kvreg_snapshot part = take(bucket);
    static const char *keys[KEYS];
    static kvreg_cursor places[KEYS + 1];
    size_t len;
    kvreg_cursor cursor = KVREG_CURSOR_INIT;
    for (int i = 0; i < KEYS; i++) {
        places[i] = cursor;
        REQUIRE(kvreg_snapshot_next(part, &cursor, &keys[i], &len, NULL) == KVREG_OK);
    }
    places[KEYS] = cursor;
    /* The pointers stay, whatever happens. */
    CHECK_EQ(kvreg_bucket_clear(bucket, NULL), KVREG_OK);
    fill(bucket, KEYS / 2);
    for (int i = 0; i <= KEYS; i++) {
        const char *key;
        cursor = places[i];
        const kvreg_status status = kvreg_snapshot_next(part, &cursor, &key, &len, NULL);
        CHECK_EQ(status, i < KEYS ? KVREG_OK : KVREG_NOT_FOUND);
        if (i < KEYS) CHECK(key == keys[i] && memcmp(key, "key ", 4) == 0);
    }
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 5000; i++) {
        for (int n = 0; n < 2; n++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            cursor.position[n] = random >> (i % 8 * 9);
        }
        if (i % 16 == 0) cursor.position[0] = UINT64_MAX;
        if (i % 16 == 1) cursor.position[1] = UINT64_MAX;
        int steps = 0;
        const char *key;
        while (steps < 3 && kvreg_snapshot_next(part, &cursor, &key, &len, NULL) == KVREG_OK) {
            CHECK(len > 4 && memcmp(key, "key ", 4) == 0);
            steps++;
        }
    }
    close_it(part);
    CHECK_EQ(kvreg_snapshot_next(part, &cursor, &keys[0], &len, NULL), KVREG_DEAD);
    teardown();
}

TEST(a_dump_shows_what_the_walk_shows) {
    setup();
    fill(bucket, KEYS);
    const kvreg_snapshot part = take(bucket), whole = take_all();
    const int64_t needed = kvreg_bucket_dump(bucket, NULL, 0);
    CHECK_EQ(kvreg_bucket_clear(bucket, NULL), KVREG_OK);
    make("later");
    REQUIRE(needed > 0);
    CHECK_EQ(kvreg_snapshot_dump(part, NULL, 0), needed);
    unsigned char *dump = (unsigned char *)malloc((size_t)needed);
    dump[0] = 'u';
    CHECK_EQ(kvreg_snapshot_dump(part, dump, (size_t)needed - 1), needed);
    CHECK_EQ(dump[0], 'u');
    CHECK_EQ(kvreg_snapshot_dump(part, dump, (size_t)needed), needed);
    const unsigned char *at = dump, *end = dump + needed;
    uint32_t len;
    int found = 0;
    for (const unsigned char *key; (key = unpack(&at, end, &len)) != NULL; found++) {
        int64_t number = 0;
        CHECK(at < end && *at == KVREG_INT);
        at++;
        const unsigned char *value = unpack(&at, end, &len);
        REQUIRE(value != NULL && len == 8);
        memcpy(&number, value, 8);
        CHECK_EQ(atoi((const char *)key + 4), number);
    }
    CHECK_EQ(found, KEYS);
    CHECK(at == end);
    free(dump);
    unsigned char names[4 + 8 + 8];
    CHECK_EQ(kvreg_snapshot_dump(whole, names, sizeof names), sizeof names);
    CHECK_BYTES(names, 12, "\10\0\0\0shopping", 12);
    close_it(part);
    close_it(whole);
    teardown();
}

static uint32_t next_random(void) {
    static uint32_t random = 1;
    return random = random * 1664525u + 1013904223u;
}

/* Snapshots of many moments, closed in any order: those that are left show what they showed. */
TEST(each_of_many_shows_its_own_moment) {
    enum { FEW = 40 };
    setup();
    static kvreg_snapshot moments[MOMENTS];
    static int64_t shown[MOMENTS][FEW];
    int64_t now[FEW];
    char key[8];
    for (int i = 0; i < FEW; i++) now[i] = NO_NUMBER;
    for (int m = 0; m < MOMENTS; m++) {
        for (int change = 0; change < 30; change++) {
            const int i = (int)(next_random() >> 8) % FEW;
            const int len = snprintf(key, sizeof key, "k%d", i);
            const int kind = (int)(next_random() >> 12) % 10;
            if (kind == 0 && now[i] != NO_NUMBER) {
                CHECK_EQ(kvreg_delete(bucket, key, (size_t)len), KVREG_OK);
                now[i] = NO_NUMBER;
            } else if (kind == 1 && m % 10 == 9) {
                CHECK_EQ(kvreg_bucket_clear(bucket, NULL), KVREG_OK);
                for (int j = 0; j < FEW; j++) now[j] = NO_NUMBER;
            } else {
                CHECK_EQ(kvreg_put_int(bucket, key, (size_t)len, now[i] = m * 1000 + change), KVREG_OK);
            }
        }
        memcpy(shown[m], now, sizeof now);
        moments[m] = m % 2 ? take(bucket) : take_all();
    }
    for (int left = MOMENTS; left > 0; left--) {
        const int gone = (int)((next_random() >> 8) % MOMENTS);
        for (int m = 0; m < MOMENTS; m++) {
            if (moments[m] == 0) continue;
            for (int i = 0; i < FEW; i++) {
                snprintf(key, sizeof key, "k%d", i);
                const int64_t is = m % 2 ? number_in(moments[m], key) : number_inside(moments[m], "shopping", key);
                CHECK_EQ(is, shown[m][i]);
            }
        }
        int close = gone;
        while (moments[close] == 0) close = (close + 1) % MOMENTS;
        close_it(moments[close]);
        moments[close] = 0;
        put(bucket, "k1", left);
    }
    teardown();
}

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
    RUN(what_comes_later_is_not_in_it);
    RUN(empty_things_have_snapshots);
    RUN(a_snapshot_outlives_its_bucket_and_its_registry);
    RUN(what_it_gives_outlives_it);
    RUN(a_bucket_in_a_snapshot_is_a_snapshot);
    RUN(names_are_visited_once_each);
    RUN(any_cursor_is_some_place);
    RUN(a_dump_shows_what_the_walk_shows);
    RUN(each_of_many_shows_its_own_moment);
    RUN(all_buckets_are_shown_at_one_moment);
    RUN(a_snapshot_may_be_closed_while_others_read_it);
    RUN(each_is_closed_once);
    RUN(snapshots_beside_buckets_that_come_and_go);
    RUN(snapshots_beside_the_end_of_the_registry);
    RUN(readers_beside_the_last_close);
    return check_end();
}
