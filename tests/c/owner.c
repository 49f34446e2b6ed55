/* Owners and access in C: what is tied ends with its owner, in every thread's last moments too, and a handle does what
 * it may. owners.rs and access.rs have the rest. */
#define _GNU_SOURCE 1

#include "child.h"
#include "make.h"
#include "threads.h"

#include "kvreg.h"

static kvreg_registry registry;
static kvreg_owner owner;

static void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_owner_open(&owner), KVREG_OK);
}

static kvreg_bucket make(const char *name, kvreg_owner of, uint32_t access) {
    kvreg_bucket_options options = KVREG_BUCKET_OPTIONS_INIT;
    options.owner = of;
    options.access = access;
    kvreg_bucket bucket = 0;
    bool created = false;
    CHECK_EQ(kvreg_create_with(registry, name, strlen(name), &options, &bucket, &created), KVREG_OK);
    CHECK(created);
    return bucket;
}

TEST(a_bucket_ends_with_its_owner) {
    setup();
    const kvreg_bucket cart = make("cart", owner, KVREG_ACCESS_PUBLIC);
    kvreg_owner whose = 0;
    uint64_t count = 0;
    CHECK_EQ(kvreg_bucket_owner(cart, &whose), KVREG_OK);
    CHECK_EQ(whose, owner);
    CHECK_EQ(kvreg_owner_count(owner, &count), KVREG_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(kvreg_lookup_id(registry, "cart", 4), cart);
    CHECK_EQ(kvreg_owner_close(owner), KVREG_OK);
    CHECK_EQ(kvreg_lookup_id(registry, "cart", 4), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_check(cart), KVREG_DEAD);
    CHECK_EQ(kvreg_owner_check(owner), KVREG_DEAD);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

TEST(a_gift_and_an_heir) {
    setup();
    kvreg_owner other = 0, whose = 7;
    CHECK_EQ(kvreg_owner_open(&other), KVREG_OK);
    const kvreg_bucket cart = make("cart", 0, KVREG_ACCESS_PUBLIC);
    CHECK_EQ(kvreg_bucket_owner(cart, &whose), KVREG_OK);
    CHECK_EQ(whose, 0);
    CHECK_EQ(kvreg_bucket_give(cart, owner), KVREG_OK);
    CHECK_EQ(kvreg_bucket_set_heir(cart, other), KVREG_OK);
    CHECK_EQ(kvreg_owner_close(owner), KVREG_OK);
    CHECK_EQ(kvreg_bucket_owner(cart, &whose), KVREG_OK);
    CHECK_EQ(whose, other);
    CHECK_EQ(kvreg_bucket_give(cart, owner), KVREG_DEAD);
    CHECK_EQ(kvreg_bucket_give(cart, 0), KVREG_OK);
    CHECK_EQ(kvreg_owner_close(other), KVREG_OK);
    CHECK_EQ(kvreg_bucket_check(cart), KVREG_OK);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

TEST(options_are_checked) {
    setup();
    kvreg_bucket_options options = KVREG_BUCKET_OPTIONS_INIT;
    kvreg_bucket out = 7;
    bool created = true;
    options.access = 3;
    CHECK_EQ(kvreg_create_with(registry, "n", 1, &options, &out, &created), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(out, 0);
    CHECK(!created);
    options.access = KVREG_ACCESS_PUBLIC;
    options.flags = 1;
    CHECK_EQ(kvreg_create_with(registry, "n", 1, &options, &out, NULL), KVREG_INVALID_ARGUMENT);
    options.flags = 0;
    options.size = 8;
    CHECK_EQ(kvreg_create_with(registry, "n", 1, &options, &out, NULL), KVREG_INVALID_ARGUMENT);
    options.size = sizeof options;
    options.owner = registry;
    CHECK_EQ(kvreg_create_with(registry, "n", 1, &options, &out, NULL), KVREG_BAD_HANDLE);
    CHECK_EQ(kvreg_create_with(registry, "n", 1, NULL, NULL, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_create_with(registry, NULL, 1, NULL, &out, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_create_with(registry, "n", 65536, NULL, &out, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_lookup_id(registry, "n", 1), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_create_with(registry, "n", 1, NULL, &out, NULL), KVREG_OK);
    CHECK_EQ(kvreg_lookup_id(registry, "n", 1), out);
    CHECK_EQ(kvreg_owner_open(NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_owner_of_thread(NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_owner_count(owner, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_owner(out, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_reader(out, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_same(out, out, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_owner_close(owner), KVREG_OK);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* Within an update function of a bucket that ends: the bucket is dead then, and so is the update. */
static uint32_t close_its_owner(void *data, const kvreg_value *old, kvreg_value *new_value) {
    (void)data, (void)old, (void)new_value;
    CHECK_EQ(kvreg_owner_close(owner), KVREG_OK);
    return KVREG_UPDATE_DELETE;
}

TEST(an_owner_is_closed_within_an_update_function) {
    setup();
    const kvreg_bucket cart = make("cart", owner, KVREG_ACCESS_PUBLIC);
    CHECK_EQ(kvreg_put_int(cart, "k", 1, 1), KVREG_OK);
    CHECK_EQ(kvreg_bucket_update(cart, "k", 1, close_its_owner, NULL, NULL), KVREG_DEAD);
    CHECK_EQ(kvreg_bucket_check(cart), KVREG_DEAD);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* Threads: each owns a bucket, and asks again in each of its destructors' passes. */

#ifdef __SANITIZE_THREAD__
/* Its runtime leaves the thread in the fourth, after which nothing that is instrumented can run: what is asked for in the
 * third may be given back there. */
enum { THREADS = 16, PASSES = 2 };
#else
enum { THREADS = 16, PASSES = 4 };
#endif

static pthread_key_t late;
static kvreg_bucket of_thread[THREADS][5];
static int passes[THREADS], refused;

static void leave(void *number) {
    const int index = (int)(intptr_t)number - 1, pass = ++passes[index];
    kvreg_owner own = 0;
    const kvreg_status answer = kvreg_owner_of_thread(&own);
    char name[32];
    sprintf(name, "%d %d", index, pass);
    if (answer == KVREG_OK) {
        of_thread[index][pass] = make(name, own, KVREG_ACCESS_PUBLIC);
    } else {
        CHECK_EQ(answer, KVREG_DEAD);
        CHECK_EQ(own, 0);
        __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
    }
    if (pass < PASSES) CHECK(pthread_setspecific(late, number) == 0);
}

static void work(int index) {
    if (index % 2 == 0) {
        kvreg_owner own = 0, again = 0;
        char name[32];
        sprintf(name, "%d 0", index);
        CHECK_EQ(kvreg_owner_of_thread(&own), KVREG_OK);
        CHECK_EQ(kvreg_owner_of_thread(&again), KVREG_OK);
        CHECK_EQ(own, again);
        of_thread[index][0] = make(name, own, KVREG_ACCESS_PRIVATE);
    }
    CHECK(pthread_setspecific(late, (void *)(intptr_t)(index + 1)) == 0);
}

static void own_in_threads(void) {
    memset(of_thread, 0, sizeof of_thread);
    memset(passes, 0, sizeof passes);
    threads_run(THREADS, work);
    int made = 0;
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(passes[i], PASSES);
        for (int pass = 0; pass < 5; pass++) {
            if (of_thread[i][pass] == 0) continue;
            CHECK_EQ(kvreg_bucket_check(of_thread[i][pass]), KVREG_DEAD);
            made++;
        }
    }
    uint64_t count = 7;
    CHECK_EQ(kvreg_registry_count(registry, &count), KVREG_OK);
    CHECK_EQ(count, 0);
    CHECK(made >= 2 * THREADS);
}

/* A destructor of the program's may run before or after the library's, by the order in which the keys were made. */
TEST(a_threads_owner_ends_with_it_however_late_it_was_asked_for) {
    setup();
    refused = 0;
    CHECK(pthread_key_create(&late, leave) == 0);
    own_in_threads();
    CHECK(pthread_key_delete(late) == 0);
    if (PASSES == 4) CHECK(refused >= THREADS); /* in the last pass at least, nobody would close it */
    CHECK_EQ(kvreg_owner_close(owner), KVREG_OK);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

static kvreg_bucket inherited;

static int in_child(void) {
    kvreg_owner out = 7;
    kvreg_bucket bucket = 7;
    CHECK_EQ(kvreg_owner_open(&out), KVREG_FORKED);
    CHECK_EQ(out, 0);
    CHECK_EQ(kvreg_owner_of_thread(&out), KVREG_FORKED);
    CHECK_EQ(kvreg_owner_check(owner), KVREG_OK);
    CHECK_EQ(kvreg_owner_close(owner), KVREG_FORKED);
    CHECK_EQ(kvreg_bucket_give(inherited, 0), KVREG_FORKED);
    CHECK_EQ(kvreg_create_with(registry, "new", 3, NULL, &bucket, NULL), KVREG_FORKED);
    CHECK_EQ(kvreg_bucket_reader(inherited, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "k", 1, 1), KVREG_FORKED);
    int64_t number = 0;
    CHECK_EQ(kvreg_get_int(bucket, "k", 1, &number), KVREG_OK);
    CHECK_EQ(number, 1);
    return child_code();
}

static void *own_and_fork(void *nothing) {
    kvreg_owner own = 0;
    CHECK_EQ(kvreg_owner_of_thread(&own), KVREG_OK);
    inherited = make("thread's", own, KVREG_ACCESS_PUBLIC);
    CHECK_EQ(kvreg_put_int(inherited, "k", 1, 1), KVREG_OK);
    CHILD_RUN(in_child);
    CHECK_EQ(kvreg_bucket_check(inherited), KVREG_OK); /* the child's end is not the parent's */
    return nothing;
}

TEST(the_child_of_a_fork_ends_nothing) {
    setup();
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, own_and_fork, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_EQ(kvreg_bucket_check(inherited), KVREG_DEAD);
    CHECK_EQ(kvreg_owner_close(owner), KVREG_OK);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

TEST(a_handle_does_what_it_may) {
    setup();
    const kvreg_bucket full = make("safe", owner, KVREG_ACCESS_PRIVATE);
    kvreg_bucket sealed = 0, reader = 0;
    int64_t number = 7;
    bool same = false;
    CHECK_EQ(kvreg_put_int(full, "k", 1, 1), KVREG_OK);
    CHECK_EQ(kvreg_lookup(registry, "safe", 4, &sealed), KVREG_OK);
    CHECK(sealed != full && sealed < UINT64_C(1) << 53);
    CHECK_EQ(kvreg_put_int(sealed, "k", 1, 2), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_get_int(sealed, "k", 1, &number), KVREG_ACCESS_DENIED);
    CHECK_EQ(number, 0);
    CHECK_EQ(kvreg_get_bytes(sealed, "k", 1, NULL, 0), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_bucket_dump(sealed, NULL, 0), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_bucket_get_many(sealed, NULL, 0, NULL, 0), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_bucket_put_many(sealed, NULL, 0, NULL), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_bucket_stop(sealed, KVREG_REASON_NORMAL), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_bucket_name(sealed, NULL, 0), 4);
    CHECK_EQ(kvreg_bucket_check(sealed), KVREG_OK);
    CHECK_EQ(kvreg_bucket_reader(sealed, &reader), KVREG_ACCESS_DENIED);
    CHECK_EQ(reader, 0);
    CHECK_EQ(kvreg_bucket_reader(full, &reader), KVREG_OK);
    CHECK_EQ(kvreg_get_int(reader, "k", 1, &number), KVREG_OK);
    CHECK_EQ(number, 1);
    CHECK_EQ(kvreg_bucket_put_many(reader, NULL, 0, NULL), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_bucket_give(reader, 0), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_bucket_same(full, sealed, &same), KVREG_OK);
    CHECK(same);
    const kvreg_bucket other = make("other", 0, KVREG_ACCESS_PUBLIC);
    CHECK_EQ(kvreg_bucket_same(other, reader, &same), KVREG_OK);
    CHECK(!same);
    kvreg_batch batch = 0;
    const kvreg_value one = int_value(1);
    CHECK_EQ(kvreg_batch_new(registry, &batch), KVREG_OK);
    CHECK_EQ(kvreg_batch_put(batch, reader, "k", 1, &one), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_batch_delete(batch, sealed, "k", 1), KVREG_ACCESS_DENIED);
    CHECK_EQ(kvreg_batch_close(batch), KVREG_OK);
    CHECK_EQ(kvreg_owner_close(owner), KVREG_OK);
    CHECK_EQ(kvreg_get_int(reader, "k", 1, &number), KVREG_DEAD);
    CHECK_EQ(kvreg_bucket_same(full, sealed, &same), KVREG_OK);
    CHECK(same);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

int main(void) {
    RUN(a_bucket_ends_with_its_owner);
    RUN(a_gift_and_an_heir);
    RUN(options_are_checked);
    RUN(an_owner_is_closed_within_an_update_function);
    RUN(a_threads_owner_ends_with_it_however_late_it_was_asked_for);
    RUN(the_child_of_a_fork_ends_nothing);
    RUN(a_handle_does_what_it_may);
    return check_end();
}
