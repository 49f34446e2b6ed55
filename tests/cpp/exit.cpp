// Objects with static storage: their destructors call, and own registries, after main has returned. Each case is a
// child of its own, forked before the first start, so that its exit code and stderr can be judged.
#include "kvreg.hpp"

#include "../c/child.h"

#include <sys/mman.h>

#include <thread>

using kvreg::Bucket;
using kvreg::Registry;
using kvreg::Status;

namespace {

// In memory that parent and child share: how many destructors ran to their end.
int *destroyed;

// What the destructors below look at; plain data, so that it is there until the very end.
kvreg_registry registry_id;
kvreg_bucket bucket_id;
bool running;

/// Calls everything when it is destroyed, but only in the children.
struct Caller {
    ~Caller() {
        if (registry_id == 0) return;
        const Registry registry = Registry::attach(registry_id);
        const Bucket bucket(bucket_id);
        CHECK(bucket.alive() == running);
        CHECK(registry.lookup("shopping").status() == (running ? Status::ok : Status::stopped));
        CHECK(registry.create("another").status() == (running ? Status::ok : Status::stopped));
        CHECK(bucket.put("milk", 2).status() == (running ? Status::ok : Status::dead));
        CHECK(bucket.get_string("text").status() == (running ? Status::ok : Status::dead));
        CHECK(bucket.items().status() == (running ? Status::ok : Status::dead));
        {
            const Registry own = Registry::start().value();
            CHECK(own.create("shopping").value().put("milk", 1));
            CHECK_EQ(own.names().value().size(), 1);
            CHECK(own.snapshot().value().get_in("shopping", "milk").value()->as_int() == 1);
            CHECK(own.batch().value().commit());
        }
        if (child_code() != 0) _exit(3);
        ++*destroyed;
    }
};

Caller made_before_main;

/// A value, a snapshot, a batch and a registry that live as long as the process does.
kvreg::Value held;
kvreg::Snapshot shown;
kvreg::Batch prepared;
std::optional<Registry> owned;
thread_local Caller of_the_thread;

void begin() {
    owned = Registry::start().value();
    const Bucket bucket = owned->create("shopping").value();
    CHECK(bucket.put("text", "kept"));
    held = *bucket.get("text").value();
    shown = owned->snapshot().value();
    prepared = owned->batch().value();
    CHECK(prepared.put(bucket, "text", "never"));
    registry_id = owned->id();
    bucket_id = bucket.id();
    running = true;
}

// `owned` was made after the first Caller, so it ends before it: the Caller finds the registry stopped.
int owned_by_a_static() {
    begin();
    running = false;
    return child_code();
}

// Somebody else owns it, or nobody: it runs to the end.
int left_running() {
    begin();
    owned->release();
    return child_code();
}

int made_in_a_function() {
    begin();
    owned->release();
    static Caller made_late;
    (void)made_late;
    return child_code();
}

// Destructors of thread-local objects, of a thread and of the main one.
int made_in_threads() {
    begin();
    owned->release();
    std::thread([] { (void)&of_the_thread; }).join();
    (void)&of_the_thread;
    return child_code();
}

void ends(int (*body)(), int count) {
    *destroyed = 0;
    child_run(body, "a child with static objects");
    CHECK_EQ(*destroyed, count);
}

} // namespace

TEST(static_objects_are_answered) {
    ends(owned_by_a_static, 1);
    ends(left_running, 1);
    ends(made_in_a_function, 2);
}

TEST(thread_local_objects_are_answered) { ends(made_in_threads, 3); }

int main() {
    destroyed = static_cast<int *>(
        mmap(nullptr, sizeof *destroyed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (destroyed == MAP_FAILED) return 1;
    RUN(static_objects_are_answered);
    RUN(thread_local_objects_are_answered);
    return check_end();
}
