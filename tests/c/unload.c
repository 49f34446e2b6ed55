/* dlclose is harmless: the library stays, its table stays callable, and it is the same core when it is opened again. */
/* flags: -ldl */
/* args: lib */
#define _GNU_SOURCE 1

#include "kvreg.h"

#include "threads.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 100 };

/* A copy of the library under a name of its own: whatever this program is linked with, nothing but these tests holds
 * it, so that dlclose could take it away. */
static char path[] = "/tmp/kvreg-unload-XXXXXX";
static const kvreg_api *api;
static uint64_t instance;

static bool copy_library(const char *from) {
    char block[65536];
    size_t len;
    const int file = mkstemp(path);
    FILE *in = fopen(from, "rb"), *out = file < 0 ? NULL : fdopen(file, "wb");
    if (in == NULL || out == NULL) return false;
    while ((len = fread(block, 1, sizeof block, in)) > 0)
        if (fwrite(block, 1, len, out) != len) return false;
    const bool good = !ferror(in);
    fclose(in);
    return fclose(out) == 0 && good;
}

static void *open_library(const kvreg_api **table) {
    const kvreg_api *(*api_get)(uint32_t);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    *table = NULL;
    if (!CHECK(library != NULL)) return NULL;
    /* ISO C has no cast from a data pointer to that of a function. */
    void *symbol = dlsym(library, "kvreg_api_get");
    memcpy(&api_get, &symbol, sizeof api_get);
    if (!CHECK(symbol != NULL)) return library;
    *table = api_get(KVREG_ABI_MAJOR);
    CHECK(*table != NULL);
    CHECK(api_get(KVREG_ABI_MAJOR + 1) == NULL);
    CHECK(api_get(UINT32_MAX) == NULL);
    return library;
}

/* Everything at once, through the table. */
static void use(int index) {
    kvreg_registry registry = 0;
    kvreg_bucket bucket = 0;
    int64_t number = 0;
    kvreg_value value;
    CHECK_EQ(api->start(NULL, &registry), KVREG_OK);
    CHECK_EQ(api->create(registry, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(api->lookup_id(registry, "shopping", 8), bucket);
    CHECK_EQ(api->put_int(bucket, "milk", 4, index), KVREG_OK);
    CHECK_EQ(api->get_int(bucket, "milk", 4, &number), KVREG_OK);
    CHECK_EQ(number, index);
    CHECK_EQ(api->put_str(bucket, "eggs", 4, "a dozen", 7), KVREG_OK);
    CHECK_EQ(api->get(bucket, "eggs", 4, &value), KVREG_OK);
    CHECK_EQ(api->delete_key(bucket, "milk", 4), KVREG_OK);
    CHECK_EQ(api->stop(registry), KVREG_OK);
    CHECK_BYTES(value.as.bytes.data, value.as.bytes.len, "a dozen", 7);
    api->value_release(&value);
    CHECK_EQ(api->bucket_check(bucket), KVREG_DEAD);
    CHECK(strcmp(api->status_name(KVREG_DEAD), "KVREG_DEAD") == 0);
}

TEST(the_library_says_that_it_stays) {
    void *library = open_library(&api);
    REQUIRE(library != NULL && api != NULL);
    struct link_map *map = NULL;
    REQUIRE(dlinfo(library, RTLD_DI_LINKMAP, &map) == 0);
    const char *names = NULL, *soname = NULL;
    bool nodelete = false;
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_STRTAB) names = (const char *)entry->d_un.d_ptr;
    REQUIRE(names != NULL);
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_FLAGS_1) nodelete = (entry->d_un.d_val & DF_1_NODELETE) != 0;
        if (entry->d_tag == DT_SONAME) soname = names + entry->d_un.d_val;
    }
    CHECK(nodelete);
    CHECK(soname != NULL && strcmp(soname, "libkvreg.so.0") == 0);
    CHECK(dlclose(library) == 0);
}

TEST(the_table_is_whole) {
    void *library = open_library(&api);
    REQUIRE(api != NULL);
    CHECK_EQ(api->abi_major, KVREG_ABI_MAJOR);
    CHECK_EQ(api->abi_minor, KVREG_ABI_MINOR);
    CHECK_EQ(api->size, sizeof(kvreg_api));
    CHECK(api->instance_id != 0);
    CHECK(strcmp(api->version, KVREG_VERSION) == 0);
    /* Whatever is appended later: all from the version on are pointers. */
    for (size_t at = offsetof(kvreg_api, version); at < api->size; at += sizeof(void *)) {
        void *member;
        memcpy(&member, (const char *)api + at, sizeof member);
        CHECK(member != NULL);
    }
    instance = api->instance_id;
    CHECK(dlclose(library) == 0);
}

TEST(the_table_works_after_dlclose) {
    for (int round = 0; round < ROUNDS; round++) {
        const kvreg_api *table;
        void *library = open_library(&table);
        REQUIRE(table != NULL);
        CHECK(api == table);
        CHECK_EQ(table->instance_id, instance);
        threads_run(2, use);
        CHECK(dlclose(library) == 0);
        use(round);
        threads_run(2, use);
    }
}

/* A registry that is left running, and threads that leave after the library was closed under them. */
static kvreg_registry running;
static kvreg_bucket kept;
static int opened, closed;

static void outlive_the_close(int index) {
    int64_t number = 0;
    CHECK_EQ(api->put_int(kept, index ? "1" : "0", 1, index), KVREG_OK);
    __atomic_fetch_add(&opened, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&closed, __ATOMIC_ACQUIRE)) sched_yield();
    CHECK_EQ(api->get_int(kept, index ? "1" : "0", 1, &number), KVREG_OK);
    CHECK_EQ(number, index);
}

TEST(threads_and_registries_outlive_dlclose) {
    for (int round = 0; round < ROUNDS; round++) {
        void *library = open_library(&api);
        REQUIRE(api != NULL);
        opened = closed = 0;
        CHECK_EQ(api->start(NULL, &running), KVREG_OK);
        CHECK_EQ(api->create(running, "shopping", 8, &kept), KVREG_OK);
        threads_start(2, outlive_the_close);
        while (__atomic_load_n(&opened, __ATOMIC_ACQUIRE) < 2) sched_yield();
        CHECK(dlclose(library) == 0);
        __atomic_store_n(&closed, 1, __ATOMIC_RELEASE);
        threads_join();
        /* The last one is left running at exit. */
        if (round < ROUNDS - 1) CHECK_EQ(api->stop(running), KVREG_OK);
    }
}

/* Workers and handlers that are in the middle of their work when the library is closed under them: they go on, are
 * restarted, and end when they are told to. */
static kvreg_supervisor supervisor;
static int runs, calls, ends;

static int get(int *number) { return __atomic_load_n(number, __ATOMIC_ACQUIRE); }
static int count(int *number) { return __atomic_fetch_add(number, 1, __ATOMIC_ACQ_REL); }
static void until(int *number, int wanted) {
    while (get(number) < wanted) sched_yield();
}

static int32_t work(void *data, kvreg_worker worker) {
    (void)data;
    count(&runs);
    if (!get(&closed)) {
        until(&closed, 1);
        return 1; /* it is started anew by a thread that began before the close */
    }
    const kvreg_status status = api->put_int(kept, "worker", 6, get(&runs));
    CHECK(status == KVREG_OK || status == KVREG_DEAD); /* the registry may be stopped by now */
    return api->worker_wait(worker, -1) == KVREG_STOPPED ? 0 : 1;
}

static kvreg_status hear(void *data, const kvreg_event *event) {
    (void)data;
    if (event->kind == KVREG_EVENT_CREATE && count(&calls) < 2) until(&closed, 1);
    return KVREG_OK;
}

static void end(void *data) {
    (void)data;
    count(&ends);
}

static void make_an_event(int index) {
    kvreg_bucket made = 0;
    CHECK_EQ(api->create(running, index ? "b" : "a", 1, &made), KVREG_OK);
}

TEST(workers_and_handlers_outlive_dlclose) {
    for (int round = 0; round < ROUNDS; round++) {
        void *library = open_library(&api);
        REQUIRE(api != NULL);
        kvreg_handler_options asynchronous = KVREG_HANDLER_OPTIONS_INIT;
        kvreg_worker_options patient = KVREG_WORKER_OPTIONS_INIT;
        kvreg_handler handlers[2] = {0, 0};
        kvreg_worker worker = 0;
        opened = closed = runs = calls = ends = 0;
        CHECK_EQ(api->start(NULL, &running), KVREG_OK);
        CHECK_EQ(api->create(running, "shopping", 8, &kept), KVREG_OK);
        asynchronous.mode = KVREG_HANDLER_ASYNC;
        CHECK_EQ(api->handler_add(running, NULL, hear, NULL, end, &handlers[0]), KVREG_OK);
        CHECK_EQ(api->handler_add(running, &asynchronous, hear, NULL, end, &handlers[1]), KVREG_OK);
        CHECK_EQ(api->supervisor_start(NULL, &supervisor), KVREG_OK);
        patient.timeout_ms = -1;
        CHECK_EQ(api->supervisor_add(supervisor, &patient, work, NULL, end, &worker), KVREG_OK);
        threads_start(2, make_an_event); /* one of them is in the synchronous handler */
        until(&runs, 1);
        until(&calls, 2);
        CHECK(dlclose(library) == 0);
        __atomic_store_n(&closed, 1, __ATOMIC_RELEASE);
        threads_join();
        until(&runs, 2);
        if (round % 2 == 0) {
            CHECK_EQ(api->supervisor_stop(supervisor), KVREG_OK);
            CHECK_EQ(api->stop(running), KVREG_OK);
        } else { /* the other way round */
            CHECK_EQ(api->stop(running), KVREG_OK);
            CHECK_EQ(api->worker_stop(worker, -1), KVREG_OK);
            CHECK_EQ(api->supervisor_stop(supervisor), KVREG_OK);
        }
        CHECK_EQ(ends, 3);
        CHECK_EQ(calls, 4);
    }
}

int main(int argc, char **argv) {
    if (argc < 2 || !copy_library(argv[1])) {
        printf("give the path of libkvreg.so\n0 passed, 1 failed\n");
        return 1;
    }
    RUN(the_library_says_that_it_stays);
    RUN(the_table_is_whole);
    RUN(the_table_works_after_dlclose);
    RUN(workers_and_handlers_outlive_dlclose);
    RUN(threads_and_registries_outlive_dlclose);
    unlink(path);
    return check_end();
}
