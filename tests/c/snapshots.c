/* A snapshot shows one moment, for as long as it is held, whatever becomes of what it shows. */
#define _GNU_SOURCE 1

#include "shots.h"

#include "packed.h"

enum { MOMENTS = 60 };

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
    return check_end();
}
