/* A wrong handle is an error, whatever its number: for every call that takes one. */
#include "calls.h"

static kvreg_registry registry;
static kvreg_bucket bucket;

static void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 1), KVREG_OK);
    good_take(registry, bucket);
}

static void still_alive(void) {
    int64_t milk = 0;
    CHECK_EQ(kvreg_get_int(bucket, "milk", 4, &milk), KVREG_OK);
    CHECK_EQ(milk, 1);
    CHECK_EQ(kvreg_lookup_id(registry, "shopping", 8), bucket);
    uint64_t count = 0;
    CHECK_EQ(kvreg_snapshot_count(good.whole, &count), KVREG_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(kvreg_snapshot_count(good.part, &count), KVREG_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(kvreg_batch_count(good.batch, &count), KVREG_OK);
    CHECK_EQ(count, 0);
}

static void teardown(void) {
    still_alive();
    good_close();
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* xorshift64*: the same numbers in every run. */
static uint64_t next_random(void) {
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

static bool refused(int64_t answer) {
    return answer == KVREG_BAD_HANDLE || answer == KVREG_DEAD || answer == KVREG_STOPPED;
}

/* The first test of the process: as long as nothing has ended, no number at all can be that of a dead object. */
TEST(a_handle_never_given_out_is_bad_and_not_dead) {
    setup();
    for (int i = 0; i < 10053; i++) {
        const uint64_t number = next_random() >> 11;
        FOR_CALLS(each) {
            const uint64_t handle = i < 53 ? good_handle(each) ^ UINT64_C(1) << i : number;
            CHECK_CALL(each, each->make(handle, "key", 3), KVREG_BAD_HANDLE);
        }
    }
    teardown();
}

/* Without this, the tests below could pass because of a mistake in the table. */
TEST(a_good_handle_is_taken_by_every_call) {
    setup();
    FOR_CALLS(each) {
        const int64_t answer = each->make(good_handle(each), "key", 3);
        check_note(answer >= 0, __FILE__, __LINE__, "kvreg_%s gives %" PRId64, each->name, answer);
    }
    CHECK_EQ(kvreg_snapshot_close(good.whole), KVREG_OK);
}

TEST(ids_are_small_and_not_zero) {
    setup();
    CHECK(registry != 0 && registry < UINT64_C(1) << 53);
    CHECK(bucket != 0 && bucket < UINT64_C(1) << 53);
    const uint64_t all[] = {registry,   bucket,     good.whole,        good.part,    good.batch,
                            good.owner, good.entry, good.subscription, good.monitor, good.handler,
                            good.supervisor, good.worker};
    for (int i = 0; i < 12; i++) {
        CHECK(all[i] != 0 && all[i] < UINT64_C(1) << 53);
        for (int j = 0; j < i; j++) CHECK(all[i] != all[j]);
    }
    teardown();
}

TEST(zero_is_a_bad_handle) {
    setup();
    FOR_CALLS(each) CHECK_CALL(each, each->make(0, "key", 3), KVREG_BAD_HANDLE);
    teardown();
}

/* Whether a call takes what is `of` this. A snapshot that is closed is of no registry and no bucket any more. */
static bool taken_by(const call *each, char of) {
    const bool snapshots = strchr("swp", each->of) != NULL;
    return each->of == of || (snapshots && of == 's') || (each->of == 's' && strchr("wp", of) != NULL);
}

TEST(a_handle_of_one_kind_is_none_of_another) {
    setup();
    FOR_CALLS(each) {
        if (!taken_by(each, 'r')) CHECK_CALL(each, each->make(registry, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'b')) CHECK_CALL(each, each->make(bucket, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'w')) CHECK_CALL(each, each->make(good.whole, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'p')) CHECK_CALL(each, each->make(good.part, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 't')) CHECK_CALL(each, each->make(good.batch, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'o')) CHECK_CALL(each, each->make(good.owner, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'e')) CHECK_CALL(each, each->make(good.entry, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'l')) CHECK_CALL(each, each->make(good.subscription, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'm')) CHECK_CALL(each, each->make(good.monitor, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'h')) CHECK_CALL(each, each->make(good.handler, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'v')) CHECK_CALL(each, each->make(good.supervisor, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'k')) CHECK_CALL(each, each->make(good.worker, "key", 3), KVREG_BAD_HANDLE);
    }
    /* The same when they have ended: what never was a bucket cannot be a dead one. */
    kvreg_registry ended;
    kvreg_bucket dead;
    kvreg_snapshot closed;
    kvreg_batch done;
    kvreg_owner gone;
    kvreg_entry out;
    kvreg_subscription unheard;
    kvreg_monitor over;
    kvreg_handler removed;
    CHECK_EQ(kvreg_start(NULL, &ended), KVREG_OK);
    CHECK_EQ(kvreg_create(ended, "a", 1, &dead), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_take(ended, &closed), KVREG_OK);
    CHECK_EQ(kvreg_batch_new(ended, &done), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_close(closed), KVREG_OK);
    CHECK_EQ(kvreg_batch_close(done), KVREG_OK);
    CHECK_EQ(kvreg_owner_open(&gone), KVREG_OK);
    CHECK_EQ(kvreg_owner_close(gone), KVREG_OK);
    CHECK_EQ(kvreg_register(ended, "k", 1, "a", 1, &object_of_nobody, NULL, &out), KVREG_OK);
    CHECK_EQ(kvreg_subscribe(ended, NULL, &unheard), KVREG_OK);
    CHECK_EQ(kvreg_bucket_monitor(dead, unheard, &over), KVREG_OK);
    CHECK_EQ(kvreg_handler_add(ended, NULL, take_note, NULL, NULL, &removed), KVREG_OK);
    CHECK_EQ(kvreg_subscription_close(unheard), KVREG_OK);
    CHECK_EQ(kvreg_handler_remove(removed), KVREG_OK);
    CHECK_EQ(kvreg_stop(ended), KVREG_OK);
    kvreg_supervisor quit;
    kvreg_worker past;
    CHECK_EQ(kvreg_supervisor_start(NULL, &quit), KVREG_OK);
    CHECK_EQ(kvreg_supervisor_add(quit, NULL, sleep_until_told, NULL, NULL, &past), KVREG_OK);
    CHECK_EQ(kvreg_supervisor_stop(quit), KVREG_OK);
    FOR_CALLS(each) {
        if (!taken_by(each, 'r')) CHECK_CALL(each, each->make(ended, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'b')) CHECK_CALL(each, each->make(dead, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 's')) CHECK_CALL(each, each->make(closed, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 't')) CHECK_CALL(each, each->make(done, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'o')) CHECK_CALL(each, each->make(gone, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'e')) CHECK_CALL(each, each->make(out, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'l')) CHECK_CALL(each, each->make(unheard, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'm')) CHECK_CALL(each, each->make(over, "key", 3), KVREG_BAD_HANDLE);
        if (!taken_by(each, 'h')) CHECK_CALL(each, each->make(removed, "key", 3), KVREG_BAD_HANDLE);
        CHECK_CALL(each, each->make(quit, "key", 3), each->of == 'v' ? KVREG_STOPPED : KVREG_BAD_HANDLE);
        CHECK_CALL(each, each->make(past, "key", 3), each->of == 'k' ? KVREG_DEAD : KVREG_BAD_HANDLE);
    }
    teardown();
}

TEST(a_number_that_no_id_can_be_is_a_bad_handle) {
    setup();
    const uint64_t numbers[] = {UINT64_C(1) << 53, UINT64_C(1) << 63, UINT64_MAX,
                                (uint64_t)INT64_MAX, (uint64_t)INT64_MIN + 1};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        FOR_CALLS(each) CHECK_CALL(each, each->make(numbers[i], "key", 3), KVREG_BAD_HANDLE);
    /* The good id with something above it: no high bit may be ignored. */
    for (int bit = 53; bit < 64; bit++) {
        FOR_CALLS(each) {
            CHECK_CALL(each, each->make(good_handle(each) | UINT64_C(1) << bit, "key", 3), KVREG_BAD_HANDLE);
        }
    }
    teardown();
}

TEST(one_bit_off_is_another_handle) {
    setup();
    for (int bit = 0; bit < 53; bit++) {
        FOR_CALLS(each) {
            const int64_t answer = each->make(good_handle(each) ^ UINT64_C(1) << bit, "key", 3);
            check_note(refused(answer), __FILE__, __LINE__, "kvreg_%s with bit %d off gives %" PRId64, each->name,
                       bit, answer);
        }
    }
    teardown();
}

TEST(random_handles_are_refused) {
    setup();
    for (int i = 0; i < 100000; i++) {
        /* Every other one in the range of the ids, where the checks have more to do. */
        const uint64_t handle = i % 2 ? next_random() : next_random() >> 11;
        FOR_CALLS(each) {
            const int64_t answer = each->make(handle, "key", 3);
            check_note(refused(answer), __FILE__, __LINE__, "kvreg_%s of %" PRIu64 " gives %" PRId64, each->name,
                       handle, answer);
        }
    }
    teardown();
}

TEST(a_dead_bucket_answers_dead) {
    setup();
    kvreg_bucket dead;
    CHECK_EQ(kvreg_create(registry, "work", 4, &dead), KVREG_OK);
    CHECK_EQ(kvreg_put_int(dead, "key", 3, 1), KVREG_OK);
    CHECK_EQ(kvreg_bucket_stop(dead, KVREG_REASON_KILLED), KVREG_OK);
    for (int round = 0; round < 2; round++) {
        FOR_CALLS(each) {
            if (each->of == 'b') CHECK_CALL(each, each->make(dead, "key", 3), KVREG_DEAD);
        }
        /* Once more when the name, and perhaps the place, has a new bucket. */
        kvreg_bucket next = 0;
        CHECK_EQ(kvreg_create(registry, "work", 4, &next), KVREG_OK);
        CHECK(next != dead);
    }
    teardown();
}

TEST(what_was_closed_answers_dead) {
    setup();
    const kvreg_snapshot whole = good.whole, part = good.part;
    const kvreg_batch batch = good.batch;
    const kvreg_owner owner = good.owner;
    const kvreg_entry entry = good.entry;
    const kvreg_subscription subscription = good.subscription;
    const kvreg_monitor monitor = good.monitor;
    const kvreg_handler handler = good.handler;
    good_close();
    for (int round = 0; round < 2; round++) {
        good_take(registry, bucket);
        CHECK(good.whole != whole && good.part != part && good.batch != batch && good.owner != owner && good.entry != entry);
        FOR_CALLS(each) {
            if (taken_by(each, 's')) CHECK_CALL(each, each->make(whole, "key", 3), KVREG_DEAD);
            if (taken_by(each, 's')) CHECK_CALL(each, each->make(part, "key", 3), KVREG_DEAD);
            if (taken_by(each, 't')) CHECK_CALL(each, each->make(batch, "key", 3), KVREG_DEAD);
            if (taken_by(each, 'o')) CHECK_CALL(each, each->make(owner, "key", 3), KVREG_DEAD);
            if (taken_by(each, 'e')) CHECK_CALL(each, each->make(entry, "key", 3), KVREG_DEAD);
            if (taken_by(each, 'l')) CHECK_CALL(each, each->make(subscription, "key", 3), KVREG_DEAD);
            if (taken_by(each, 'm')) CHECK_CALL(each, each->make(monitor, "key", 3), KVREG_DEAD);
            if (taken_by(each, 'h')) CHECK_CALL(each, each->make(handler, "key", 3), KVREG_DEAD);
        }
        if (round == 0) good_close();
    }
    teardown();
}

TEST(a_stopped_registry_answers_stopped) {
    setup();
    kvreg_registry stopped;
    kvreg_bucket dead;
    CHECK_EQ(kvreg_start(NULL, &stopped), KVREG_OK);
    CHECK_EQ(kvreg_create(stopped, "key", 3, &dead), KVREG_OK);
    CHECK_EQ(kvreg_put_int(dead, "key", 3, 1), KVREG_OK);
    CHECK_EQ(kvreg_stop(stopped), KVREG_OK);
    for (int round = 0; round < 2; round++) {
        FOR_CALLS(each) {
            if (each->of == 'r') CHECK_CALL(each, each->make(stopped, "key", 3), KVREG_STOPPED);
            if (each->of == 'b') CHECK_CALL(each, each->make(dead, "key", 3), KVREG_DEAD);
        }
        kvreg_registry next = 0;
        CHECK_EQ(kvreg_start(NULL, &next), KVREG_OK);
        CHECK(next != stopped);
        CHECK_EQ(kvreg_stop(next), KVREG_OK);
    }
    teardown();
}

int main(void) {
    RUN(a_handle_never_given_out_is_bad_and_not_dead);
    RUN(a_good_handle_is_taken_by_every_call);
    RUN(ids_are_small_and_not_zero);
    RUN(zero_is_a_bad_handle);
    RUN(a_handle_of_one_kind_is_none_of_another);
    RUN(a_number_that_no_id_can_be_is_a_bad_handle);
    RUN(one_bit_off_is_another_handle);
    RUN(random_handles_are_refused);
    RUN(a_dead_bucket_answers_dead);
    RUN(what_was_closed_answers_dead);
    RUN(a_stopped_registry_answers_stopped);
    return check_end();
}
