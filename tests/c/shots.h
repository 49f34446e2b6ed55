/* shots.h - a registry with a bucket, its snapshots, and what they show. */
#ifndef KVREG_TESTS_SHOTS_H
#define KVREG_TESTS_SHOTS_H

#include "make.h"

#include <stdlib.h>

enum { KEYS = 2000 };

static kvreg_registry registry;
static kvreg_bucket bucket;

static inline void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
}

static inline void teardown(void) { CHECK_EQ(kvreg_stop(registry), KVREG_OK); }

static inline kvreg_snapshot take_all(void) {
    kvreg_snapshot snapshot = 0;
    CHECK_EQ(kvreg_snapshot_take(registry, &snapshot), KVREG_OK);
    return snapshot;
}

static inline kvreg_snapshot take(kvreg_bucket of) {
    kvreg_snapshot snapshot = 0;
    CHECK_EQ(kvreg_bucket_snapshot(of, &snapshot), KVREG_OK);
    return snapshot;
}

static inline void close_it(kvreg_snapshot snapshot) { CHECK_EQ(kvreg_snapshot_close(snapshot), KVREG_OK); }

static inline kvreg_bucket make(const char *name) {
    kvreg_bucket made = 0;
    CHECK_EQ(kvreg_create(registry, name, strlen(name), &made), KVREG_OK);
    return made;
}

static inline void put(kvreg_bucket into, const char *key, int64_t number) {
    CHECK_EQ(kvreg_put_int(into, key, strlen(key), number), KVREG_OK);
}

static inline void fill(kvreg_bucket into, int count) {
    char key[16];
    for (int i = 0; i < count; i++) {
        const int len = snprintf(key, sizeof key, "key %d", i);
        CHECK_EQ(kvreg_put_int(into, key, (size_t)len, i), KVREG_OK);
    }
}

/* All keys of `fill`, each once and with its number. */
static inline void walk(kvreg_snapshot snapshot, int count) {
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

#endif
