/* Readers during writers on one bucket: every value read is one that was written, whole. */
#define _GNU_SOURCE 1

#include "kvreg.h"

#include "threads.h"

enum { WRITERS = 2, READERS = 2, WRITES = 150000, KEYS = 8 };

static kvreg_registry registry;
static kvreg_bucket bucket;
static int writing;
static long seen_ints, seen_floats, seen_blobs, seen_none;

/* Both halves of the number are the same, so that half of another would show. */
static uint64_t doubled(uint32_t half) { return (uint64_t)half << 32 | half; }

/* A run of one letter whose length follows from the letter and back: from a few bytes to some thousand, so that small
 * and large values take turns. */
enum { LONGEST = 26 * 26 * 6 + 1 };
static size_t length_of(int letter) { return (size_t)(letter * letter * 6 + 1); }

static void whole_blob(const char *data, size_t len) {
    if (!CHECK(len >= 1)) return;
    const int letter = data[0] - 'a';
    if (!CHECK(letter >= 0 && letter < 26) || !CHECK_EQ(len, length_of(letter))) return;
    bool same = true;
    for (size_t i = 1; i < len; i++) same &= data[i] == data[0];
    CHECK(same);
}

static void whole(const kvreg_value *value) {
    uint64_t bits;
    memcpy(&bits, &value->as, sizeof bits);
    switch (value->type) {
    case KVREG_INT:
    case KVREG_FLOAT:
        CHECK_EQ(bits, doubled((uint32_t)bits));
        __atomic_fetch_add(value->type == KVREG_INT ? &seen_ints : &seen_floats, 1, __ATOMIC_RELAXED);
        break;
    case KVREG_STR:
    case KVREG_BYTES:
        whole_blob(value->as.bytes.data, value->as.bytes.len);
        __atomic_fetch_add(&seen_blobs, 1, __ATOMIC_RELAXED);
        break;
    default: CHECK(!"a type that nobody wrote");
    }
}

static void write_all(int index) {
    char text[LONGEST];
    uint32_t random = 12345u + (uint32_t)index;
    for (int i = 0; i < WRITES; i++) {
        random = random * 1664525u + 1013904223u;
        const char key = (char)('A' + (random >> 28) % KEYS);
        const int letter = (int)(random >> 8 & 0xff) % 26, kind = (int)(random >> 16 & 7);
        const size_t len = length_of(letter);
        const uint64_t bits = doubled(random);
        double real;
        memcpy(&real, &bits, sizeof real);
        kvreg_status status = KVREG_OK;
        if (kind > 5) memset(text, 'a' + letter, len);
        switch (kind) {
        case 0:
        case 1:
        case 2: status = kvreg_put_int(bucket, &key, 1, (int64_t)bits); break;
        case 3:
        case 4: status = kvreg_put_float(bucket, &key, 1, real); break;
        case 5: status = kvreg_delete(bucket, &key, 1); break;
        case 6: status = kvreg_put_str(bucket, &key, 1, text, len); break;
        default: status = kvreg_put_bytes(bucket, &key, 1, text, len);
        }
        CHECK(status == KVREG_OK || (kind == 5 && status == KVREG_NOT_FOUND));
    }
    __atomic_fetch_sub(&writing, 1, __ATOMIC_RELEASE);
}

static void read_all(int index) {
    (void)index;
    static const char key_of[KEYS] = {'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'};
    char buffer[LONGEST + 1];
    for (int i = 0; __atomic_load_n(&writing, __ATOMIC_ACQUIRE) > 0; i++) {
        const char *key = &key_of[i % KEYS];
        kvreg_value value;
        kvreg_status status = kvreg_get(bucket, key, 1, &value);
        if (status == KVREG_OK) {
            whole(&value);
            kvreg_value_release(&value);
        } else {
            CHECK_EQ(status, KVREG_NOT_FOUND);
            __atomic_fetch_add(&seen_none, 1, __ATOMIC_RELAXED);
        }
        int64_t number = 7;
        status = kvreg_get_int(bucket, key, 1, &number);
        CHECK(status == KVREG_OK || status == KVREG_NOT_FOUND || status == KVREG_WRONG_TYPE);
        CHECK_EQ(number, status == KVREG_OK ? (int64_t)doubled((uint32_t)number) : 0);
        double real = 7;
        uint64_t bits;
        status = kvreg_get_float(bucket, key, 1, &real);
        CHECK(status == KVREG_OK || status == KVREG_NOT_FOUND || status == KVREG_WRONG_TYPE);
        memcpy(&bits, &real, sizeof bits);
        CHECK_EQ(bits, status == KVREG_OK ? doubled((uint32_t)bits) : 0);
        const int64_t len = kvreg_get_bytes(bucket, key, 1, buffer, sizeof buffer);
        if (len >= 0) whole_blob(buffer, (size_t)len);
        else CHECK(len == KVREG_NOT_FOUND || len == KVREG_WRONG_TYPE);
        uint64_t count = 0;
        CHECK_EQ(kvreg_bucket_count(bucket, &count), KVREG_OK);
        CHECK(count <= KEYS);
    }
}

static void write_or_read(int index) { (index < WRITERS ? write_all : read_all)(index); }

TEST(no_value_is_torn) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    writing = WRITERS;
    threads_run(WRITERS + READERS, write_or_read);
    /* The readers have met all that the writers do. */
    CHECK(seen_ints > 0 && seen_floats > 0 && seen_blobs > 0 && seen_none > 0);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* Each writer counts one key up; nobody sees it go down, and what one reader has read no later read undoes. */
static void count_or_watch(int index) {
    const char key = (char)('0' + index % WRITERS);
    int64_t before = 0, now = 0;
    if (index < WRITERS) {
        for (int64_t i = 1; i <= WRITES; i++) CHECK_EQ(kvreg_put_int(bucket, &key, 1, i), KVREG_OK);
        __atomic_fetch_sub(&writing, 1, __ATOMIC_RELEASE);
        return;
    }
    do {
        const bool last = __atomic_load_n(&writing, __ATOMIC_ACQUIRE) == 0;
        const kvreg_status status = kvreg_get_int(bucket, &key, 1, &now);
        CHECK(status == KVREG_OK || (status == KVREG_NOT_FOUND && before == 0));
        CHECK(now >= before);
        before = now;
        if (last) break;
    } while (true);
    CHECK_EQ(now, WRITES);
}

TEST(a_number_that_grows_is_never_seen_to_shrink) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    writing = WRITERS;
    threads_run(WRITERS + READERS, count_or_watch);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* A dump shows one moment: the writer changes two keys in turn, so they are never more than one change apart. */
static void write_pairs_or_dump(int index) {
    if (index == 0) {
        for (int64_t i = 1; i <= WRITES / 10; i++) {
            CHECK_EQ(kvreg_put_int(bucket, "first", 5, i), KVREG_OK);
            CHECK_EQ(kvreg_put_int(bucket, "other", 5, i), KVREG_OK);
        }
        __atomic_fetch_sub(&writing, 1, __ATOMIC_RELEASE);
        return;
    }
    int64_t last_first = 0;
    while (__atomic_load_n(&writing, __ATOMIC_ACQUIRE) > 0) {
        unsigned char dump[2 * 22];
        if (!CHECK_EQ(kvreg_bucket_dump(bucket, dump, sizeof dump), sizeof dump)) return;
        int64_t numbers[2] = {0, 0}; /* of "first" and of "other" */
        for (const unsigned char *at = dump; at < dump + sizeof dump; at += 22) {
            uint64_t bits = 0;
            for (int i = 8; i-- > 0;) bits = bits << 8 | at[14 + i];
            numbers[at[4] == 'o'] = (int64_t)bits;
        }
        CHECK(numbers[0] == numbers[1] || numbers[0] == numbers[1] + 1);
        CHECK(numbers[0] >= last_first);
        last_first = numbers[0];
    }
}

TEST(a_dump_shows_one_moment) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "first", 5, 0), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "other", 5, 0), KVREG_OK);
    writing = 1;
    threads_run(1 + READERS, write_pairs_or_dump);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

int main(void) {
    RUN(no_value_is_torn);
    RUN(a_number_that_grows_is_never_seen_to_shrink);
    RUN(a_dump_shows_one_moment);
    return check_end();
}
