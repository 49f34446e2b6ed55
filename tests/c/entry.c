/* The directory in C: references are counted to the last one, in every order of ends, and callbacks may make every
 * call. directory.rs has the rest. */
#define _GNU_SOURCE 1

#include "child.h"
#include "threads.h"

#include "kvreg.h"

static kvreg_registry registry;

/* An object that knows who used it. */
typedef struct {
    int references, retains, releases;
    pthread_t released_by;
    void (*at_release)(void);
} thing;

static void retain(void *pointer) {
    thing *it = (thing *)pointer;
    CHECK(__atomic_fetch_add(&it->references, 1, __ATOMIC_ACQ_REL) > 0);
    __atomic_fetch_add(&it->retains, 1, __ATOMIC_RELAXED);
}

static void release(void *pointer) {
    thing *it = (thing *)pointer;
    __atomic_store_n(&it->released_by, pthread_self(), __ATOMIC_RELAXED); /* two references may be given back at once */
    __atomic_fetch_add(&it->releases, 1, __ATOMIC_RELAXED);
    CHECK(__atomic_sub_fetch(&it->references, 1, __ATOMIC_ACQ_REL) >= 0);
    if (it->at_release != NULL) it->at_release();
}

static kvreg_object object_of(thing *it) {
    memset(it, 0, sizeof *it);
    it->references = 1; /* ours, for the entry */
    const kvreg_object object = {it, retain, release};
    return object;
}

static kvreg_status put(const char *key, thing *it, kvreg_owner owner, uint32_t flags, kvreg_entry *out) {
    kvreg_register_options options = KVREG_REGISTER_OPTIONS_INIT;
    const kvreg_object object = object_of(it);
    options.owner = owner;
    options.flags = flags;
    return kvreg_register(registry, "worker", 6, key, strlen(key), &object, &options, out);
}

static kvreg_status find(const char *key, kvreg_object *object, kvreg_entry *entry) {
    return kvreg_whereis(registry, "worker", 6, key, strlen(key), object, entry);
}

TEST(a_reference_is_taken_over_and_given_back_once) {
    thing it, other;
    kvreg_entry entry = 0, found = 0;
    kvreg_object object = {NULL, NULL, NULL};
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(put("a", &it, 0, 0, &entry), KVREG_OK);
    CHECK_EQ(put("a", &other, 0, 0, &found), KVREG_EXISTS);
    CHECK_EQ(found, entry);
    CHECK_EQ(other.releases, 0); /* it is still ours */
    CHECK_EQ(find("a", NULL, &found), KVREG_OK);
    CHECK_EQ(found, entry);
    CHECK_EQ(it.retains, 0);
    CHECK_EQ(find("a", &object, NULL), KVREG_OK);
    CHECK(object.pointer == &it && object.retain == retain && object.release == release);
    CHECK_EQ(it.references, 2);
    CHECK_EQ(kvreg_unregister(entry), KVREG_OK);
    CHECK_EQ(it.references, 1);
    CHECK_EQ(kvreg_unregister(entry), KVREG_DEAD);
    kvreg_object_release(&object);
    CHECK_EQ(it.references, 0);
    CHECK(object.pointer == NULL && object.release == NULL);
    kvreg_object_release(&object);
    kvreg_object_release(NULL);
    CHECK_EQ(it.releases, 2);
    CHECK(pthread_equal(it.released_by, pthread_self()));
    CHECK_EQ(find("a", &object, &found), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

TEST(arguments_are_checked) {
    thing it;
    kvreg_entry out = 7;
    size_t count = 7;
    uint64_t number = 7;
    kvreg_object object = object_of(&it), broken = object, nothing = {NULL, NULL, NULL};
    kvreg_register_options options = KVREG_REGISTER_OPTIONS_INIT;
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_register(registry, "k", 1, "a", 1, NULL, NULL, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(out, 0);
    CHECK_EQ(kvreg_register(registry, "k", 1, "a", 1, &nothing, NULL, &out), KVREG_INVALID_ARGUMENT);
    broken.retain = NULL;
    CHECK_EQ(kvreg_register(registry, "k", 1, "a", 1, &broken, NULL, &out), KVREG_INVALID_ARGUMENT);
    broken.retain = retain, broken.release = NULL;
    CHECK_EQ(kvreg_register(registry, "k", 1, "a", 1, &broken, NULL, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_register(registry, "k", 1, "a", 1, &object, NULL, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_register(registry, NULL, 1, "a", 1, &object, NULL, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_register(registry, "k", 1, NULL, 1, &object, NULL, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_register(registry, "k", 65536, "a", 1, &object, NULL, &out), KVREG_INVALID_ARGUMENT);
    options.flags = 2;
    CHECK_EQ(kvreg_register(registry, "k", 1, "a", 1, &object, &options, &out), KVREG_INVALID_ARGUMENT);
    options.flags = 0, options.owner = registry;
    CHECK_EQ(kvreg_register(registry, "k", 1, "a", 1, &object, &options, &out), KVREG_BAD_HANDLE);
    options.owner = 0, options.size = 1;
    CHECK_EQ(kvreg_register(registry, "k", 1, "a", 1, &object, &options, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(it.references, 1);
    CHECK_EQ(kvreg_whereis(registry, NULL, 0, NULL, 0, NULL, NULL), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_register(registry, NULL, 0, NULL, 0, &object, NULL, &out), KVREG_OK); /* empty, not none */
    CHECK_EQ(kvreg_whereis(registry, "", 0, "", 0, NULL, NULL), KVREG_OK);
    CHECK_EQ(kvreg_entry_object(out, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_entry_list(registry, "", 0, "", 0, NULL, 1, &count), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_entry_list(registry, "", 0, "", 0, NULL, 0, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_dispatch(registry, "", 0, "", 0, NULL, NULL, NULL, &number), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(number, 0);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    CHECK_EQ(it.references, 0);
}

enum { MANY = 100 };

static thing things[MANY];
static kvreg_entry entries[MANY];
static int calls, destroyed;

static void destroy(void *data) {
    CHECK(data == &calls);
    destroyed++;
}

static void see(void *data, kvreg_entry entry, void *pointer) {
    CHECK(data == &calls);
    const int index = (int)((thing *)pointer - things);
    CHECK_EQ(entry, entries[index]);
    CHECK_EQ(index, calls);
    calls++;
}

static void see_and_end_all(void *data, kvreg_entry entry, void *pointer) {
    thing *it = (thing *)pointer;
    (void)data, (void)entry;
    calls++;
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    CHECK_EQ(kvreg_entry_check(entry), KVREG_DEAD);
    CHECK_EQ(it->references, 1); /* it is in use */
}

TEST(a_function_is_called_for_each_duplicate) {
    uint64_t count = 7;
    size_t listed = 0;
    kvreg_entry list[MANY];
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    for (int i = 0; i < MANY; i++) CHECK_EQ(put("d", &things[i], 0, KVREG_REGISTER_DUPLICATE, &entries[i]), KVREG_OK);
    calls = destroyed = 0;
    CHECK_EQ(kvreg_dispatch(registry, "worker", 6, "d", 1, see, &calls, destroy, &count), KVREG_OK);
    CHECK_EQ(calls, MANY);
    CHECK_EQ(count, MANY);
    CHECK_EQ(destroyed, 1);
    CHECK_EQ(kvreg_entry_list(registry, "worker", 6, "d", 1, list, 3, &listed), KVREG_OK);
    CHECK_EQ(listed, MANY);
    CHECK_BYTES(list, 3 * sizeof list[0], entries, 3 * sizeof list[0]);
    CHECK_EQ(kvreg_dispatch(registry, "worker", 6, "none", 4, see, &calls, destroy, &count), KVREG_OK);
    CHECK_EQ(count, 0);
    calls = 0;
    CHECK_EQ(kvreg_dispatch(registry, "worker", 6, "d", 1, see_and_end_all, NULL, NULL, &count), KVREG_OK);
    CHECK_EQ(calls, 1);
    CHECK_EQ(count, 1);
    for (int i = 0; i < MANY; i++) CHECK(things[i].references == 0 && things[i].releases == 1);
    CHECK_EQ(kvreg_dispatch(registry, "worker", 6, "d", 1, see, &calls, destroy, &count), KVREG_STOPPED);
    CHECK_EQ(destroyed, 3);
}

/* What runs at an object's end may end others, and the registry. */
static void end_the_next(void) {
    kvreg_entry entry = 0;
    if (find("b", NULL, &entry) == KVREG_OK) CHECK_EQ(kvreg_unregister(entry), KVREG_OK);
    else CHECK(kvreg_stop(registry) <= 0);
}

TEST(a_release_function_may_make_every_call) {
    thing a, b;
    kvreg_entry first = 0, second = 0;
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(put("a", &a, 0, 0, &first), KVREG_OK);
    CHECK_EQ(put("b", &b, 0, 0, &second), KVREG_OK);
    a.at_release = b.at_release = end_the_next;
    CHECK_EQ(kvreg_unregister(first), KVREG_OK);
    CHECK(a.releases == 1 && b.releases == 1);
    CHECK_EQ(kvreg_stop(registry), KVREG_STOPPED);
}

/* A thread's own entries are given back among its last acts, by it. */
static thing of_thread;
static pthread_t owner_of_it;

static void find_within_the_end(void) {
    kvreg_owner own = 0;
    CHECK_EQ(find("thread's", NULL, NULL), KVREG_NOT_FOUND);
    const kvreg_status answer = kvreg_owner_of_thread(&own); /* ends with the next pass, if there is one */
    CHECK(answer == KVREG_OK || answer == KVREG_DEAD);
}

static void *own(void *nothing) {
    kvreg_owner owner = 0;
    kvreg_entry entry = 0;
    owner_of_it = pthread_self();
    CHECK_EQ(kvreg_owner_of_thread(&owner), KVREG_OK);
    CHECK_EQ(put("thread's", &of_thread, owner, 0, &entry), KVREG_OK);
    of_thread.at_release = find_within_the_end;
    return nothing;
}

TEST(an_entry_ends_with_its_thread) {
    pthread_t thread;
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK(pthread_create(&thread, NULL, own, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(of_thread.references == 0 && of_thread.releases == 1);
    CHECK(pthread_equal(of_thread.released_by, owner_of_it));
    CHECK_EQ(find("thread's", NULL, NULL), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

static kvreg_entry inherited;
static thing of_parent;

static int in_child(void) {
    kvreg_object object = {NULL, NULL, NULL};
    size_t count = 0;
    CHECK_EQ(find("parent's", &object, NULL), KVREG_FORKED);
    CHECK_EQ(kvreg_entry_check(inherited), KVREG_OK);
    CHECK_EQ(kvreg_entry_object(inherited, &object), KVREG_FORKED);
    CHECK_EQ(kvreg_unregister(inherited), KVREG_FORKED);
    CHECK_EQ(kvreg_entry_list(registry, "worker", 6, "parent's", 8, NULL, 0, &count), KVREG_FORKED);
    calls = destroyed = 0;
    CHECK_EQ(kvreg_dispatch(registry, "worker", 6, "parent's", 8, see, &calls, destroy, NULL), KVREG_FORKED);
    CHECK_EQ(destroyed, 1);
    CHECK_EQ(of_parent.releases, 0);
    return child_code();
}

TEST(the_child_of_a_fork_gives_nothing_back) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(put("parent's", &of_parent, 0, 0, &inherited), KVREG_OK);
    CHILD_RUN(in_child);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    CHECK_EQ(of_parent.references, 0);
}

/* Threads that find, use and end the same few entries: each object ends once, and nobody finds one that has. */
enum { THREADS = 6, ROUNDS = 3000, KEYS = 4 };

static thing pool[THREADS][ROUNDS];

static void share(int index) {
    for (int i = 0; i < ROUNDS; i++) {
        char key[8];
        kvreg_entry entry = 0;
        kvreg_object object;
        sprintf(key, "%d", i % KEYS);
        if (put(key, &pool[index][i], 0, 0, &entry) == KVREG_EXISTS) {
            pool[index][i].references--; /* nobody took it */
            if (find(key, &object, &entry) == KVREG_OK) {
                CHECK(__atomic_load_n(&((thing *)object.pointer)->references, __ATOMIC_RELAXED) > 0);
                kvreg_object_release(&object);
            }
            if (entry != 0 && i % 3 == 0) {
                const kvreg_status ended = kvreg_unregister(entry);
                CHECK(ended == KVREG_OK || ended == KVREG_DEAD);
            }
        }
    }
}

TEST(threads_that_share_entries_end_each_once) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    threads_run(THREADS, share);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    long wrong = 0;
    for (int t = 0; t < THREADS; t++)
        for (int i = 0; i < ROUNDS; i++) wrong += pool[t][i].references != 0;
    CHECK_EQ(wrong, 0);
}

int main(void) {
    RUN(a_reference_is_taken_over_and_given_back_once);
    RUN(arguments_are_checked);
    RUN(a_function_is_called_for_each_duplicate);
    RUN(a_release_function_may_make_every_call);
    RUN(an_entry_ends_with_its_thread);
    RUN(the_child_of_a_fork_gives_nothing_back);
    RUN(threads_that_share_entries_end_each_once);
    return check_end();
}
