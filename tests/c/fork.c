/* The child of a fork reads what was there, is refused every change at once, and ends quietly. */
#define _GNU_SOURCE 1

#include "calls.h"
#include "child.h"
#include "packed.h"
#include "threads.h"

enum { FORKS = 100, HOT = 20 };

static kvreg_registry registry;
static kvreg_bucket bucket;
static kvreg_value held;

static int use_a_registry_of_its_own(void) {
    kvreg_registry own = 0;
    kvreg_bucket made = 0;
    int64_t number = 0;
    CHECK_EQ(kvreg_start(NULL, &own), KVREG_OK);
    CHECK_EQ(kvreg_create(own, "shopping", 8, &made), KVREG_OK);
    CHECK_EQ(kvreg_put_int(made, "milk", 4, 1), KVREG_OK);
    CHECK_EQ(kvreg_get_int(made, "milk", 4, &number), KVREG_OK);
    CHECK_EQ(number, 1);
    CHECK_EQ(kvreg_lookup_id(own, "shopping", 8), made);
    CHECK(kvreg_bucket_dump(made, NULL, 0) > 0);
    CHECK_EQ(kvreg_bucket_stop(made, KVREG_REASON_NORMAL), KVREG_OK);
    CHECK_EQ(kvreg_stop(own), KVREG_OK);
    return child_code();
}

/* Runs first: the process has started nothing yet, so its children are as free as any process. */
TEST(a_fork_before_the_first_start_changes_nothing) {
    CHECK_EQ(kvreg_lookup_id(1, "shopping", 8), KVREG_BAD_HANDLE);
    CHILD_RUN(use_a_registry_of_its_own);
    CHILD_RUN(use_a_registry_of_its_own);
}

static void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_put_str(bucket, "milk", 4, "a litre", 7), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "eggs", 4, 12), KVREG_OK);
    CHECK_EQ(kvreg_put_float(bucket, "butter", 6, 0.25), KVREG_OK);
    CHECK_EQ(kvreg_get(bucket, "milk", 4, &held), KVREG_OK);
    good_take(registry, bucket);
}

static void read_snapshots(void) {
    uint64_t number = 0;
    CHECK_EQ(kvreg_snapshot_count(good.part, &number), KVREG_OK);
    CHECK_EQ(number, 3);
    kvreg_value value;
    CHECK_EQ(kvreg_snapshot_get_in(good.whole, "shopping", 8, "eggs", 4, &value), KVREG_OK);
    CHECK_EQ(value.as.integer, 12);
    CHECK_EQ(kvreg_snapshot_get_revision(good.part, "eggs", 4, NULL, &number), KVREG_OK);
    CHECK_EQ(number, 2);
    CHECK_EQ(kvreg_snapshot_lookup(good.whole, "shopping", 8, &number), KVREG_OK);
    CHECK_EQ(number, bucket);
    kvreg_cursor cursor = KVREG_CURSOR_INIT;
    const char *key;
    size_t len, keys = 0, bytes = 0;
    for (; kvreg_snapshot_next(good.part, &cursor, &key, &len, NULL) == KVREG_OK; keys++) bytes += len;
    CHECK_EQ(keys, 3);
    CHECK_EQ(bytes, 4 + 4 + 6);
    CHECK_EQ(kvreg_snapshot_dump(good.part, NULL, 0), 3 * (4 + 1 + 4) + 4 + 7 + 4 + 8 + 6 + 8);
    CHECK(kvreg_snapshot_dump(good.whole, NULL, 0) >= 4 + 8 + 8);
    const char packed[] = {4, 0, 0, 0, 'e', 'g', 'g', 's'};
    CHECK_EQ(kvreg_snapshot_get_many(good.part, packed, sizeof packed, NULL, 0), 1 + 4 + 8);
}

/* What reads must give in the child is what they gave at the fork. */
static void read_all(int index) {
    (void)index;
    CHECK_EQ(kvreg_lookup_id(registry, "shopping", 8), bucket);
    CHECK_EQ(kvreg_lookup_id(registry, "work", 4), KVREG_NOT_FOUND);
    uint64_t number = 0;
    CHECK_EQ(kvreg_bucket_count(bucket, &number), KVREG_OK);
    CHECK_EQ(number, 3);
    CHECK_EQ(kvreg_bucket_revision(bucket, &number), KVREG_OK);
    CHECK_EQ(number, 3);
    CHECK_EQ(kvreg_bucket_registry(bucket, &number), KVREG_OK);
    CHECK_EQ(number, registry);
    int64_t eggs = 0;
    double butter = 0;
    char text[8];
    kvreg_value value;
    CHECK_EQ(kvreg_get_int(bucket, "eggs", 4, &eggs), KVREG_OK);
    CHECK_EQ(eggs, 12);
    CHECK_EQ(kvreg_get_float(bucket, "butter", 6, &butter), KVREG_OK);
    CHECK(butter == 0.25);
    CHECK_EQ(kvreg_get_bytes(bucket, "milk", 4, text, sizeof text), 7);
    CHECK_BYTES(text, 7, "a litre", 7);
    CHECK_EQ(kvreg_get(bucket, "milk", 4, &value), KVREG_OK);
    CHECK_BYTES(value.as.bytes.data, value.as.bytes.len, "a litre", 7);
    kvreg_value_release(&value);
    CHECK_EQ(kvreg_get(bucket, "bread", 5, &value), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_name(bucket, text, 8), 8);
    CHECK_BYTES(text, 8, "shopping", 8);
    CHECK_EQ(kvreg_bucket_check(bucket), KVREG_OK);
    unsigned char dump[100];
    CHECK_EQ(kvreg_bucket_dump(bucket, dump, sizeof dump), 3 * (4 + 1 + 4) + 4 + 7 + 4 + 8 + 6 + 8);
    const char packed[] = {4, 0, 0, 0, 'e', 'g', 'g', 's'};
    CHECK_EQ(kvreg_bucket_get_many(bucket, packed, sizeof packed, NULL, 0), 1 + 4 + 8);
    read_snapshots();
}

static void every_change_is_refused(void) {
    FOR_CALLS(each) {
        if (each->change)
            CHECK_CALL(each, each->make(good_handle(each), "shopping", 8), KVREG_FORKED);
    }
    kvreg_options options = KVREG_OPTIONS_INIT;
    options.name = "named";
    options.name_len = 5;
    kvreg_registry out = POISON;
    CHECK_EQ(kvreg_start(NULL, &out), KVREG_FORKED);
    CHECK_EQ(out, 0);
    out = POISON;
    CHECK_EQ(kvreg_start(&options, &out), KVREG_FORKED);
    CHECK_EQ(out, 0);
}

/* Whatever other names there are, the dump has this one, once. */
static void dump_names(void) {
    unsigned char dump[2000];
    const int64_t size = kvreg_registry_dump(registry, dump, sizeof dump);
    REQUIRE(size > 0 && size <= (int64_t)sizeof dump);
    int found = 0;
    for (int64_t at = 0; at < size; at += 4 + dump[at] + 8)
        found += dump[at] == 8 && memcmp(dump + at + 4, "shopping", 8) == 0;
    CHECK_EQ(found, 1);
}

static int read_and_be_refused(void) {
    read_all(0);
    every_change_is_refused();
    read_all(0);
    dump_names();
    CHECK_BYTES(held.as.bytes.data, held.as.bytes.len, "a litre", 7);
    kvreg_value_release(&held);
    CHECK_EQ(held.type, KVREG_NIL);
    return child_code();
}

static int read_in_new_threads(void) {
    threads_run(4, read_all);
    every_change_is_refused();
    return child_code();
}

static int fork_once_more(void) {
    CHILD_RUN(read_and_be_refused);
    return read_and_be_refused();
}

/* Nothing at all is done in the child: its end alone must be clean. */
static int leave_at_once(void) { return 0; }

/* Also when the child is made by a thread that the library has never seen. */
static void fork_in_a_thread(int index) {
    if (index == 0) CHILD_RUN(read_and_be_refused);
}

TEST(a_child_reads_and_is_refused_changes) {
    setup();
    CHILD_RUN(read_and_be_refused);
    CHILD_RUN(read_in_new_threads);
    CHILD_RUN(fork_once_more);
    CHILD_RUN(leave_at_once);
    threads_run(2, fork_in_a_thread);
    /* Whatever the children did, the parent has lost nothing, and goes on. */
    read_all(0);
    CHECK_BYTES(held.as.bytes.data, held.as.bytes.len, "a litre", 7);
    kvreg_value_release(&held);
    CHECK_EQ(kvreg_put_int(bucket, "bread", 5, 2), KVREG_OK);
    CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    read_snapshots();
    good_close();
}

static kvreg_registry ended;
static int find_it_stopped(void) {
    CHECK_EQ(kvreg_lookup_id(ended, "shopping", 8), KVREG_STOPPED);
    CHECK_EQ(kvreg_bucket_check(bucket), KVREG_DEAD);
    return child_code();
}

TEST(what_had_ended_has_ended_in_the_child) {
    CHECK_EQ(kvreg_start(NULL, &ended), KVREG_OK);
    CHECK_EQ(kvreg_create(ended, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_stop(ended), KVREG_OK);
    CHILD_RUN(find_it_stopped);
}

static int working;
static kvreg_bucket hot[HOT];
static const char digits[] = "0123456789abcdefghij";

/* All kinds of changes, to names and contents that children read. */
static void work(int index) {
    char text[3000];
    kvreg_registry own;
    memset(text, 'x', sizeof text);
    for (uint32_t i = 0; __atomic_load_n(&working, __ATOMIC_ACQUIRE); i++) {
        const char *name = &digits[i % HOT];
        kvreg_bucket made = 0;
        CHECK_EQ(kvreg_create(registry, name, 1, &made), KVREG_OK);
        __atomic_store_n(&hot[i % HOT], made, __ATOMIC_RELAXED);
        for (int k = 0; k < 10; k++) {
            const char *key = &digits[(i + (uint32_t)k) % HOT];
            const kvreg_status put =
                k % 3 ? kvreg_put_int(made, key, 1, k) : kvreg_put_bytes(made, key, 1, text, i % sizeof text);
            CHECK(put == KVREG_OK || put == KVREG_DEAD);
        }
        const int64_t answer = i % 3 == 0   ? kvreg_bucket_stop(made, KVREG_REASON_NORMAL)
                               : i % 3 == 1 ? kvreg_delete(made, name, 1)
                                            : kvreg_bucket_dump(made, NULL, 0);
        CHECK(answer >= 0 || answer == KVREG_DEAD || answer == KVREG_NOT_FOUND);
        if (index == 0 && i % 50 == 0) {
            CHECK_EQ(kvreg_start(NULL, &own), KVREG_OK);
            CHECK_EQ(kvreg_stop(own), KVREG_OK);
        }
    }
}

/* The other threads are gone, in the middle of whatever they did: no read may wait for them. */
static int read_what_was_being_changed(void) {
    read_and_be_refused();
    for (int i = 0; i < HOT; i++) {
        const int64_t found = kvreg_lookup_id(registry, &digits[i], 1);
        CHECK(found > 0 || found == KVREG_NOT_FOUND);
        const kvreg_bucket look_at[] = {found > 0 ? (kvreg_bucket)found : bucket, hot[i] ? hot[i] : bucket};
        for (int k = 0; k < 2 * HOT; k++) {
            int64_t number;
            kvreg_value value;
            char bytes[10];
            const kvreg_bucket at = look_at[k / HOT];
            uint64_t revision;
            const int64_t answers[] = {kvreg_bucket_get_revision(at, &digits[k % HOT], 1, NULL, &revision),
                                       kvreg_get(at, &digits[k % HOT], 1, &value),
                                       kvreg_get_int(at, &digits[k % HOT], 1, &number),
                                       kvreg_get_bytes(at, &digits[k % HOT], 1, bytes, sizeof bytes),
                                       kvreg_bucket_name(at, bytes, sizeof bytes),
                                       kvreg_bucket_dump(at, NULL, 0)};
            kvreg_value_release(&value);
            for (size_t n = 0; n < sizeof answers / sizeof answers[0]; n++)
                CHECK(answers[n] >= 0 || answers[n] == KVREG_DEAD || answers[n] == KVREG_NOT_FOUND ||
                      answers[n] == KVREG_WRONG_TYPE);
            CHECK(kvreg_put_int(at, "key", 3, 1) == KVREG_FORKED);
        }
    }
    return child_code();
}

TEST(forks_under_load) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    /* Its runtime (gcc 12's) takes no locks before a fork: a child hangs in its first malloc if another thread was in
     * one. */
    puts("       skipped under a sanitizer: forks under load, whose children would wait for its own locks");
    CHECK(true);
    return;
#endif
    setup();
    working = 1;
    threads_start(2, work);
    /* So that they are at work, and not about to begin. */
    uint64_t revision = 0;
    for (int tries = 0; revision < 1000 && tries < 10000000; tries++)
        CHECK_EQ(kvreg_registry_revision(registry, &revision), KVREG_OK);
    CHECK(revision >= 1000);
    for (int i = 0; i < FORKS; i++) CHILD_RUN(read_what_was_being_changed);
    __atomic_store_n(&working, 0, __ATOMIC_RELEASE);
    threads_join();
    kvreg_value_release(&held);
    good_close();
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

static uint32_t fork_and_put(void *pid, const kvreg_value *old, kvreg_value *new_value) {
    (void)old;
    *(pid_t *)pid = fork();
    new_value->type = KVREG_INT;
    new_value->as.integer = 7;
    return KVREG_UPDATE_PUT;
}

/* Both return from the function: the parent puts, the child is refused. */
TEST(an_update_function_that_forks) {
    setup();
    pid_t pid = -1;
    int64_t number = 0;
    const kvreg_status status = kvreg_bucket_update(bucket, "number", 6, fork_and_put, &pid, NULL);
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        _exit(status == KVREG_FORKED && kvreg_get_int(bucket, "number", 6, &number) == KVREG_NOT_FOUND ? 0 : 1);
    }
    CHECK(pid > 0);
    CHECK_EQ(status, KVREG_OK);
    int end = -1;
    CHECK(waitpid(pid, &end, 0) == pid && WIFEXITED(end) && WEXITSTATUS(end) == 0);
    CHECK_EQ(kvreg_get_int(bucket, "number", 6, &number), KVREG_OK);
    CHECK_EQ(number, 7);
    kvreg_value_release(&held);
    good_close();
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

static kvreg_registry forking;
static pid_t made;

static void fork_now(void) {
    fflush(stdout);
    made = fork();
    if (made == 0) alarm(CHILD_SECONDS);
}

static kvreg_status fork_at_f(void *data, const kvreg_event *event) {
    (void)data;
    if (made < 0 && event->name_len == 1 && event->name[0] == 'f') fork_now();
    return KVREG_OK;
}

static void fork_at_release(void *pointer) {
    (void)pointer;
    if (made < 0) fork_now();
}

static void no_count(void *pointer) { (void)pointer; }

static kvreg_status stop_it(void) { return kvreg_stop(forking); }

static kvreg_status create_many(void) {
    unsigned char names[200 * 6], *at = names;
    kvreg_bucket out[200];
    size_t count = 0;
    for (int i = 0; i < 200; i++) {
        const char name[2] = {i == 0 ? 'f' : 'n', (char)i};
        at = pack(at, name, i == 0 ? 1 : 2);
    }
    return kvreg_create_many(forking, names, (size_t)(at - names), out, 200, &count);
}

/* A call within which its own function forks: in the child it comes back, too, and says so. */
static void fork_within(kvreg_status (*call)(void)) {
    made = -1;
    const kvreg_status status = call();
    if (made == 0) _exit(status == KVREG_FORKED && kvreg_stop(forking) == KVREG_FORKED && child_code() == 0 ? 9 : 1);
    int end = -1;
    CHECK_EQ(status, KVREG_OK);
    CHECK(made > 0 && waitpid(made, &end, 0) == made && WIFEXITED(end) && WEXITSTATUS(end) == 9);
}

TEST(a_stop_or_a_bulk_call_within_which_a_function_forks) {
    kvreg_handler handler = 0;
    kvreg_bucket out = 0;
    kvreg_entry entry = 0;
    int thing = 0;
    const kvreg_object object = {&thing, no_count, fork_at_release};
    CHECK_EQ(kvreg_start(NULL, &forking), KVREG_OK);
    CHECK_EQ(kvreg_handler_add(forking, NULL, fork_at_f, NULL, NULL, &handler), KVREG_OK);
    fork_within(create_many);
    fork_within(stop_it); /* tells of the exit of "f" */
    CHECK_EQ(kvreg_start(NULL, &forking), KVREG_OK);
    CHECK_EQ(kvreg_create(forking, "f", 1, &out), KVREG_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(kvreg_register(forking, "k", 1, "abc" + i, 1, &object, NULL, &entry), KVREG_OK);
    }
    fork_within(stop_it); /* releases the objects */
}

int main(void) {
    RUN(a_fork_before_the_first_start_changes_nothing);
    RUN(a_child_reads_and_is_refused_changes);
    RUN(what_had_ended_has_ended_in_the_child);
    RUN(forks_under_load);
    RUN(an_update_function_that_forks);
    RUN(a_stop_or_a_bulk_call_within_which_a_function_forks);
    return check_end();
}
