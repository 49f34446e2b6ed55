/* The test cases of the Elixir guide's registry (KV.BucketTest, KV.RegistryTest); those about events are in events.c and
 * monitors.c. Where the guide must wait for an event before it looks, the calls here are enough: stop and create are done
 * when they return. */
#include "kvreg.h"

#include "child.h"

static kvreg_registry registry;

/* The guide's `setup`: each case has a registry of its own. */
static void setup(void) { CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK); }
static void teardown(void) { CHECK_EQ(kvreg_stop(registry), KVREG_OK); }

static kvreg_bucket create(const char *name) {
    kvreg_bucket bucket = 0;
    CHECK_EQ(kvreg_create(registry, name, strlen(name), &bucket), KVREG_OK);
    CHECK(bucket != 0);
    return bucket;
}

static kvreg_status lookup(const char *name, kvreg_bucket *bucket) {
    return kvreg_lookup(registry, name, strlen(name), bucket);
}

TEST(stores_values_by_key) {
    setup();
    const kvreg_bucket bucket = create("shopping");
    int64_t milk = 7;
    CHECK_EQ(kvreg_get_int(bucket, "milk", 4, &milk), KVREG_NOT_FOUND);
    CHECK_EQ(milk, 0);
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 3), KVREG_OK);
    CHECK_EQ(kvreg_get_int(bucket, "milk", 4, &milk), KVREG_OK);
    CHECK_EQ(milk, 3);
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 5), KVREG_OK);
    CHECK_EQ(kvreg_get_int(bucket, "milk", 4, &milk), KVREG_OK);
    CHECK_EQ(milk, 5);
    teardown();
}

TEST(deletes_a_key) {
    setup();
    const kvreg_bucket bucket = create("shopping");
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 3), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "eggs", 4, 12), KVREG_OK);
    CHECK_EQ(kvreg_delete(bucket, "milk", 4), KVREG_OK);
    kvreg_value value;
    CHECK_EQ(kvreg_get(bucket, "milk", 4, &value), KVREG_NOT_FOUND);
    CHECK_EQ(value.type, KVREG_NIL);
    CHECK_EQ(kvreg_delete(bucket, "milk", 4), KVREG_NOT_FOUND);
    int64_t eggs = 0;
    CHECK_EQ(kvreg_get_int(bucket, "eggs", 4, &eggs), KVREG_OK);
    CHECK_EQ(eggs, 12);
    teardown();
}

TEST(spawns_buckets) {
    setup();
    kvreg_bucket bucket = 7;
    CHECK_EQ(lookup("shopping", &bucket), KVREG_NOT_FOUND);
    CHECK_EQ(bucket, 0);
    const kvreg_bucket created = create("shopping");
    CHECK_EQ(lookup("shopping", &bucket), KVREG_OK);
    CHECK_EQ(bucket, created);
    CHECK_EQ(kvreg_lookup_id(registry, "shopping", 8), created);
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 1), KVREG_OK);
    int64_t milk = 0;
    CHECK_EQ(kvreg_get_int(created, "milk", 4, &milk), KVREG_OK);
    CHECK_EQ(milk, 1);
    teardown();
}

TEST(an_existing_name_gives_the_same_bucket) {
    setup();
    const kvreg_bucket first = create("shopping");
    CHECK_EQ(kvreg_put_int(first, "milk", 4, 1), KVREG_OK);
    const kvreg_bucket again = create("shopping");
    CHECK_EQ(again, first);
    int64_t milk = 0;
    CHECK_EQ(kvreg_get_int(again, "milk", 4, &milk), KVREG_OK);
    CHECK_EQ(milk, 1);
    const kvreg_bucket other = create("Shopping");
    CHECK(other != first);
    uint64_t count = 0, revision = 0;
    CHECK_EQ(kvreg_registry_count(registry, &count), KVREG_OK);
    CHECK_EQ(count, 2);
    /* The second create of the name changed nothing, so the table has seen two changes. */
    CHECK_EQ(kvreg_registry_revision(registry, &revision), KVREG_OK);
    CHECK_EQ(revision, 2);
    teardown();
}

/* Both ways in which a bucket of the guide ends: its own stop, and a signal from outside. */
static void removes(kvreg_reason reason) {
    setup();
    const kvreg_bucket bucket = create("shopping");
    const kvreg_bucket other = create("work");
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 1), KVREG_OK);
    CHECK_EQ(kvreg_bucket_check(bucket), KVREG_OK);
    CHECK_EQ(kvreg_bucket_stop(bucket, reason), KVREG_OK);

    kvreg_bucket found = 7;
    CHECK_EQ(lookup("shopping", &found), KVREG_NOT_FOUND);
    CHECK_EQ(found, 0);
    CHECK_EQ(kvreg_lookup_id(registry, "shopping", 8), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_check(bucket), KVREG_DEAD);
    int64_t milk = 7;
    CHECK_EQ(kvreg_get_int(bucket, "milk", 4, &milk), KVREG_DEAD);
    CHECK_EQ(milk, 0);
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 1), KVREG_DEAD);
    CHECK_EQ(kvreg_bucket_stop(bucket, reason), KVREG_DEAD);

    /* One bucket's end is no other's. */
    CHECK_EQ(lookup("work", &found), KVREG_OK);
    CHECK_EQ(found, other);
    CHECK_EQ(kvreg_bucket_check(other), KVREG_OK);

    /* The name is free, and its next bucket starts from nothing. */
    const kvreg_bucket next = create("shopping");
    CHECK(next != bucket);
    CHECK_EQ(kvreg_get_int(next, "milk", 4, &milk), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_check(bucket), KVREG_DEAD);
    teardown();
}

TEST(removes_buckets_on_exit) { removes(KVREG_REASON_NORMAL); }
TEST(removes_bucket_on_crash) { removes(KVREG_REASON_CRASH); }
TEST(removes_bucket_on_shutdown) { removes(KVREG_REASON_SHUTDOWN); }
TEST(removes_bucket_on_kill) { removes(KVREG_REASON_KILLED); }

/* The guide registers its registry under a name, so that all of the application finds it. */
TEST(finds_a_registry_by_its_name) {
    kvreg_options options = KVREG_OPTIONS_INIT;
    options.name = "KV.Registry";
    options.name_len = strlen(options.name);
    kvreg_registry first = 0, second = 0, third = 0;
    CHECK_EQ(kvreg_start(&options, &first), KVREG_OK);
    CHECK_EQ(kvreg_start(&options, &second), KVREG_EXISTS);
    CHECK_EQ(second, first);
    kvreg_bucket bucket = 0, found = 0;
    CHECK_EQ(kvreg_create(first, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_lookup(second, "shopping", 8, &found), KVREG_OK);
    CHECK_EQ(found, bucket);
    CHECK_EQ(kvreg_registry_find("KV.Registry", 11, &second), KVREG_OK);
    CHECK_EQ(second, first);
    char name[4] = "";
    CHECK_EQ(kvreg_registry_name(first, name, 2), 11);
    CHECK_BYTES(name, 3, "KV", 3);
    CHECK_EQ(kvreg_stop(first), KVREG_OK);
    CHECK_EQ(kvreg_registry_name(first, name, 2), KVREG_STOPPED);
    CHECK_EQ(kvreg_registry_find("KV.Registry", 11, &second), KVREG_NOT_FOUND);
    CHECK_EQ(second, 0);
    /* Restarted as a supervisor would: the same name, another registry, none of the old names. */
    CHECK_EQ(kvreg_start(&options, &third), KVREG_OK);
    CHECK(third != first);
    CHECK_EQ(kvreg_lookup(third, "shopping", 8, &found), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_stop(third), KVREG_OK);
}

static int find_in_child(void) {
    kvreg_registry out = 7;
    char name[4];
    CHECK_EQ(kvreg_registry_find("KV.Registry", 11, &out), KVREG_FORKED);
    CHECK_EQ(out, 0);
    CHECK_EQ(kvreg_registry_name(registry, name, sizeof name), KVREG_FORKED);
    return child_code();
}

TEST(finds_no_registry_by_what_is_no_name) {
    static char long_name[KVREG_NAME_MAX + 1];
    setup();
    kvreg_registry out = 7;
    CHECK_EQ(kvreg_registry_find("nobody's", 8, &out), KVREG_NOT_FOUND);
    CHECK_EQ(out, 0);
    CHECK_EQ(kvreg_registry_find(NULL, 0, &out), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_registry_find(NULL, 1, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_registry_find(long_name, sizeof long_name, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_registry_find("nobody's", 8, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_registry_name(registry, NULL, 0), KVREG_NOT_FOUND);
    /* Any bytes are a name, none at all too. */
    kvreg_options options = KVREG_OPTIONS_INIT;
    const char *const names[] = {"", "\0\xff", long_name};
    const size_t lens[] = {0, 2, KVREG_NAME_MAX};
    for (int i = 0; i < 3; i++) {
        kvreg_registry named = 0;
        options.name = names[i];
        options.name_len = lens[i];
        CHECK_EQ(kvreg_start(&options, &named), KVREG_OK);
        CHECK_EQ(kvreg_registry_find(names[i], lens[i], &out), KVREG_OK);
        CHECK_EQ(out, named);
        CHECK_EQ(kvreg_registry_name(named, NULL, 0), lens[i]);
        CHECK_EQ(kvreg_stop(named), KVREG_OK);
    }
    CHILD_RUN(find_in_child);
    teardown();
}

/* The end of the registry is the end of its buckets, as with the guide's supervisor. */
TEST(the_registry_takes_its_buckets_along) {
    setup();
    const kvreg_bucket bucket = create("shopping");
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 1), KVREG_OK);
    teardown();
    kvreg_bucket found = 7;
    CHECK_EQ(lookup("shopping", &found), KVREG_STOPPED);
    CHECK_EQ(found, 0);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &found), KVREG_STOPPED);
    CHECK_EQ(kvreg_stop(registry), KVREG_STOPPED);
    CHECK_EQ(kvreg_bucket_check(bucket), KVREG_DEAD);
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 1), KVREG_DEAD);
}

int main(void) {
    RUN(stores_values_by_key);
    RUN(deletes_a_key);
    RUN(spawns_buckets);
    RUN(an_existing_name_gives_the_same_bucket);
    RUN(removes_buckets_on_exit);
    RUN(removes_bucket_on_crash);
    RUN(removes_bucket_on_shutdown);
    RUN(removes_bucket_on_kill);
    RUN(finds_a_registry_by_its_name);
    RUN(finds_no_registry_by_what_is_no_name);
    RUN(the_registry_takes_its_buckets_along);
    return check_end();
}
