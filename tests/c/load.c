/* Get-or-create: what a loader may do, what others see of it meanwhile, and who gets which answer. */
#define _GNU_SOURCE 1

#include "child.h"
#include "shop.h"
#include "threads.h"

#include <unistd.h>

enum { LOADERS = 16, NAMES = 200 };

/* What a loader shall do, and what it saw. */
typedef struct plan {
    kvreg_status answer;
    void (*inside)(struct plan *plan, kvreg_bucket made);
    int called, destroyed;
    kvreg_bucket seen;
} plan;

static kvreg_status follow(void *data, kvreg_bucket made) {
    plan *p = (plan *)data;
    p->called++;
    p->seen = made;
    CHECK_EQ(p->destroyed, 0);
    CHECK_EQ(kvreg_bucket_check(made), KVREG_OK);
    if (p->inside != NULL) p->inside(p, made);
    return p->answer;
}

static void destroy(void *data) { ((plan *)data)->destroyed++; }

static kvreg_status load_within(const char *name, plan *p, int64_t timeout_ms, kvreg_bucket *out) {
    kvreg_load_options options = KVREG_LOAD_OPTIONS_INIT;
    CHECK_EQ(options.timeout_ms, -1);
    options.timeout_ms = timeout_ms;
    p->called = p->destroyed = 0;
    *out = 7;
    const kvreg_status status =
        kvreg_get_or_create(registry, name, strlen(name), &options, follow, p, destroy, out);
    CHECK_EQ(p->destroyed, 1);
    CHECK((status == KVREG_OK) == (*out != 0));
    return status;
}

static kvreg_status load(const char *name, plan *p, kvreg_bucket *out) { return load_within(name, p, -1, out); }

static void fill(plan *p, kvreg_bucket made) {
    (void)p;
    CHECK_EQ(kvreg_put_int(made, "eggs", 4, 12), KVREG_OK);
    CHECK_EQ(kvreg_lookup_id(registry, "fresh", 5), KVREG_NOT_FOUND);
}

TEST(a_name_is_loaded_once) {
    setup();
    plan p = {.answer = KVREG_OK, .inside = fill};
    kvreg_bucket made = 0, again = 0;
    CHECK_EQ(load("fresh", &p, &made), KVREG_OK);
    CHECK(p.called == 1 && p.seen == made);
    CHECK_EQ(number_at(made, "eggs"), 12);
    CHECK_EQ(load("fresh", &p, &again), KVREG_OK);
    CHECK(p.called == 0 && again == made);
    CHECK_EQ(load("shopping", &p, &again), KVREG_OK);
    CHECK(p.called == 0 && again == bucket);
    /* Without options, data or an end. */
    const plan empty = {.answer = KVREG_OK};
    p = empty;
    CHECK_EQ(kvreg_get_or_create(registry, "newer", 5, NULL, follow, &p, NULL, &again), KVREG_OK);
    CHECK(p.called == 1 && again != made && count_of(again) == 0);
    CHECK_EQ(kvreg_get_or_create(registry, NULL, 0, NULL, follow, &p, NULL, &again), KVREG_OK);
    teardown();
}

TEST(a_failure_is_the_loaders_own) {
    setup();
    kvreg_bucket out = 0;
    const kvreg_status answers[] = {KVREG_NOT_FOUND, KVREG_IO, KVREG_FAILED, -21, -1000, INT32_MIN};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        plan p = {.answer = answers[i], .inside = fill};
        CHECK_EQ(load("fresh", &p, &out), answers[i]);
        CHECK(p.called == 1);
        CHECK_EQ(kvreg_bucket_check(p.seen), KVREG_DEAD);
    }
    plan p = {.answer = 1};
    CHECK_EQ(load("fresh", &p, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_lookup_id(registry, "fresh", 5), KVREG_NOT_FOUND);
    uint64_t revision = 0;
    CHECK_EQ(kvreg_registry_revision(registry, &revision), KVREG_OK);
    CHECK_EQ(revision, 2);
    teardown();
}

TEST(bad_arguments_load_nothing) {
    setup();
    plan p = {.answer = KVREG_OK};
    kvreg_bucket out = 7;
    CHECK_EQ(kvreg_get_or_create(registry, "n", 1, NULL, NULL, &p, destroy, &out), KVREG_INVALID_ARGUMENT);
    CHECK(out == 0 && p.destroyed == 1);
    CHECK_EQ(kvreg_get_or_create(registry, "n", 1, NULL, follow, &p, destroy, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_get_or_create(registry, "n", 65536, NULL, follow, &p, destroy, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(p.destroyed, 3);
    CHECK_EQ(load_within("n", &p, -2, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(load_within("n", &p, INT64_MIN, &out), KVREG_INVALID_ARGUMENT);
    const kvreg_load_options small = {sizeof(size_t), 0};
    CHECK_EQ(kvreg_get_or_create(registry, "n", 1, &small, follow, &p, NULL, &out), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(p.called, 0);
    CHECK_EQ(load_within("n", &p, INT64_MAX, &out), KVREG_OK);
    teardown();
    CHECK_EQ(load("n", &p, &out), KVREG_STOPPED);
    CHECK(p.called == 0);
}

static void want_it_again(plan *p, kvreg_bucket made) {
    (void)made;
    plan inner = {.answer = KVREG_OK};
    kvreg_bucket out = 0;
    CHECK_EQ(load("fresh", &inner, &out), KVREG_DEADLOCK);
    CHECK_EQ(load_within("fresh", &inner, 0, &out), KVREG_DEADLOCK);
    CHECK_EQ(inner.called, 0);
    CHECK_EQ(load("another", &inner, &out), KVREG_OK);
    CHECK_EQ(inner.called, 1);
    p->answer = load("fresh", &inner, &out);
}

TEST(a_loader_that_wants_its_own_name_is_told) {
    setup();
    plan p = {.inside = want_it_again};
    kvreg_bucket out = 0;
    CHECK_EQ(load("fresh", &p, &out), KVREG_DEADLOCK);
    CHECK(kvreg_lookup_id(registry, "another", 7) > 0);
    CHECK_EQ(kvreg_lookup_id(registry, "fresh", 5), KVREG_NOT_FOUND);
    teardown();
}

static void create_it(plan *p, kvreg_bucket made) {
    kvreg_bucket created = 0;
    CHECK_EQ(kvreg_create(registry, "fresh", 5, &created), KVREG_OK);
    CHECK(created != made);
    p->seen = created;
}
static void stop_it(plan *p, kvreg_bucket made) {
    (void)p;
    CHECK_EQ(kvreg_bucket_stop(made, KVREG_REASON_NORMAL), KVREG_OK);
    CHECK_EQ(kvreg_put_int(made, "eggs", 4, 1), KVREG_DEAD);
}
static void stop_all(plan *p, kvreg_bucket made) {
    (void)p;
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    CHECK_EQ(kvreg_put_int(made, "eggs", 4, 1), KVREG_DEAD);
}

TEST(what_a_loader_may_do_to_what_it_loads) {
    setup();
    plan p = {.answer = KVREG_OK, .inside = create_it};
    kvreg_bucket out = 0;
    CHECK_EQ(load("fresh", &p, &out), KVREG_OK);
    CHECK(out == p.seen);
    CHECK_EQ(kvreg_bucket_stop(out, KVREG_REASON_NORMAL), KVREG_OK);
    p.inside = stop_it;
    CHECK_EQ(load("fresh", &p, &out), KVREG_DEAD);
    p.inside = stop_all;
    CHECK_EQ(load("fresh", &p, &out), KVREG_STOPPED);
}

static int loads[NAMES];

static kvreg_status count(void *data, kvreg_bucket made) {
    const int name = (int)(intptr_t)data;
    __atomic_fetch_add(&loads[name], 1, __ATOMIC_RELAXED);
    return kvreg_put_int(made, "name", 4, name);
}

static void load_all(int index) {
    (void)index;
    for (int i = 0; i < NAMES; i++) {
        char name[16];
        kvreg_bucket out = 0;
        const int len = snprintf(name, sizeof name, "%d", i);
        CHECK_EQ(kvreg_get_or_create(registry, name, (size_t)len, NULL, count, (void *)(intptr_t)i, NULL, &out), KVREG_OK);
        CHECK_EQ(number_at(out, "name"), i);
    }
}

TEST(of_many_threads_one_loads) {
    setup();
    threads_run(LOADERS, load_all);
    for (int i = 0; i < NAMES; i++) CHECK_EQ(loads[i], 1);
    teardown();
}

static int load_in_child(void) {
    plan p = {.answer = KVREG_OK};
    kvreg_bucket out = 0;
    CHECK_EQ(load("fresh", &p, &out), KVREG_FORKED);
    CHECK_EQ(load("shopping", &p, &out), KVREG_FORKED);
    CHECK(p.called == 0);
    return child_code();
}

static void fork_here(plan *p, kvreg_bucket made) {
    (void)made;
    const pid_t pid = fork();
    if (pid == 0) {
        /* The loader goes on in the child, too, where its bucket can not be put into the table. */
        alarm(CHILD_SECONDS);
        p->answer = KVREG_OK;
        return;
    }
    int status = -1;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

TEST(a_fork_while_it_loads) {
    setup();
    CHILD_RUN(load_in_child);
    plan p = {.answer = KVREG_IO, .inside = fork_here};
    kvreg_bucket out = 0;
    const kvreg_status status = load("fresh", &p, &out);
    if (p.answer == KVREG_OK) _exit(status == KVREG_FORKED ? 9 : 1);
    CHECK_EQ(status, KVREG_IO);
    teardown();
}

int main(void) {
    RUN(a_name_is_loaded_once);
    RUN(a_failure_is_the_loaders_own);
    RUN(bad_arguments_load_nothing);
    RUN(a_loader_that_wants_its_own_name_is_told);
    RUN(what_a_loader_may_do_to_what_it_loads);
    RUN(of_many_threads_one_loads);
    RUN(a_fork_while_it_loads);
    return check_end();
}
