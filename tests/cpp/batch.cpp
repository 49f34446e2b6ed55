// Batch of kvreg.hpp: changes to several buckets that are seen together or not at all.
#include "kvreg.hpp"

#include "../c/check.h"

#include <atomic>
#include <thread>

using namespace std::literals;
using kvreg::Batch;
using kvreg::Bucket;
using kvreg::Bytes;
using kvreg::Registry;
using kvreg::Snapshot;
using kvreg::Status;
using kvreg::Update;

TEST(a_batch_changes_all_at_once) {
    const Registry registry = Registry::start().value();
    const Bucket from = registry.create("from").value(), to = registry.create("to").value();
    CHECK(from.put("milk", 3) && from.put("eggs", 12));
    const Batch batch = registry.batch().value();
    CHECK(batch.count().value() == 0 && batch.commit());
    CHECK(batch.put(from, "milk", 2) && batch.put(to, "milk", 1) && batch.erase(from, "eggs"));
    CHECK(batch.put(to, "text", "a\0b"s) && batch.put(to, "raw", Bytes{"\xff", 1}) && batch.put(to, "nil", nullptr));
    CHECK(batch.put(to, "copy", *from.get("milk").value()) && batch.erase(to, "never there"));
    CHECK_EQ(batch.count().value(), 8);
    CHECK(from.get_int("milk").value() == 3 && to.count().value() == 0);
    const Snapshot before = registry.snapshot().value();
    const std::uint64_t from_revision = from.revision().value(), to_revision = to.revision().value();

    CHECK(batch.commit() && batch.count().value() == 0);
    CHECK(from.get_int("milk").value() == 2 && !from.get("eggs").value());
    CHECK(to.get_int("milk").value() == 1 && to.get_string("text").value() == "a\0b"s && to.count().value() == 5);
    CHECK(to.get_int("copy").value() == 3 && to.get("nil").value()->is_nil());
    CHECK(from.revision().value() == from_revision + 1 && to.revision().value() == to_revision + 1);
    CHECK(before.get_in("from", "eggs").value()->as_int() == 12 && !before.get_in("to", "milk").value());

    // It is empty, and can be used again; the last change of a key counts.
    CHECK(batch.put(to, "milk", 5) && batch.put(to, "milk", 6) && batch.commit());
    CHECK(to.get_int("milk").value() == 6);
    CHECK(batch.put(to, "milk", 7) && batch.clear() && batch.count().value() == 0 && batch.commit());
    CHECK(to.get_int("milk").value() == 6);
}

TEST(a_failed_batch_changes_nothing) {
    const Registry registry = Registry::start().value(), strangers = Registry::start().value();
    const Bucket a = registry.create("a").value(), b = registry.create("b").value();
    const Batch batch = registry.batch().value();
    CHECK(batch.put(strangers.create("a").value(), "milk", 1).status() == Status::invalid_argument);
    CHECK(batch.put(a, "milk", UINT64_MAX).status() == Status::out_of_range);
    CHECK(batch.put(a, "milk", "\xff").status() == Status::invalid_argument);
    CHECK(batch.put(a, std::string(65536, 'k'), 1).status() == Status::invalid_argument);
    CHECK(batch.erase(a, std::string(65536, 'k')).status() == Status::invalid_argument);
    CHECK(batch.put(Bucket(), "milk", 1).status() == Status::bad_handle);
    CHECK(batch.erase(Bucket(batch.id()), "milk").status() == Status::bad_handle);
    CHECK_EQ(batch.count().value(), 0);
    CHECK(batch.put(a, "milk", 1) && batch.put(b, "milk", 1) && b.stop());
    CHECK(batch.commit().status() == Status::dead);
    CHECK(a.count().value() == 0 && batch.count().value() == 2);
    CHECK(a.update("eggs", [&](auto) {
        const Batch inner = registry.batch().value();
        CHECK(inner.put(a, "milk", 1) && inner.commit().status() == Status::deadlock);
        return Update::keep();
    }));
    CHECK(a.count().value() == 0);
}

static void answers_nothing(const Batch &batch, Bucket bucket, Status why) {
    CHECK(batch.put(bucket, "milk", 1).status() == why && batch.erase(bucket, "milk").status() == why);
    CHECK(batch.commit().status() == why && batch.clear().status() == why && batch.count().status() == why);
    CHECK(batch.close().status() == why);
}

TEST(a_batch_closes_itself) {
    Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    answers_nothing(Batch(), bucket, Status::bad_handle);
    kvreg_batch id = 0;
    {
        const Batch forgotten = registry.batch().value();
        id = forgotten.id();
        CHECK(forgotten.put(bucket, "milk", 1));
    }
    CHECK_EQ(kvreg_batch_commit(id), KVREG_DEAD);
    CHECK_EQ(bucket.count().value(), 0);

    Batch first = registry.batch().value();
    id = first.id();
    CHECK(first.put(bucket, "milk", 1));
    Batch second = std::move(first);
    answers_nothing(first, bucket, Status::bad_handle); // NOLINT: what is left is part of the promise
    CHECK(second.id() == id && second.count().value() == 1);
    const kvreg_batch replaced = (first = registry.batch().value()).id();
    first = std::move(second);
    CHECK_EQ(kvreg_batch_commit(replaced), KVREG_DEAD);
    Batch &same = first;
    first = std::move(same);
    CHECK(first.commit() && bucket.get_int("milk").value() == 1);
    CHECK(first.close());
    answers_nothing(first, bucket, Status::dead);

    Batch given = registry.batch().value();
    const Batch taken(given.release());
    CHECK(given.id() == 0 && taken.put(bucket, "milk", 2));
    CHECK(registry.stop());
    CHECK(!taken.commit());
    CHECK(registry.batch().status() == Status::stopped);
    CHECK(Registry::attach(0).batch().status() == Status::bad_handle);
}

// Two threads move one thing back and forth between two buckets, two look: nobody ever sees it twice or not at all.
TEST(no_snapshot_shows_half_a_batch) {
    const Registry registry = Registry::start().value();
    const Bucket left = registry.create("left").value(), right = registry.create("right").value();
    CHECK(left.put("ball", 0));
    std::atomic<int> moving{2};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; t++) {
        threads.emplace_back([&, t] {
            const Batch batch = registry.batch().value();
            for (int i = 0; i < 300; i++) {
                const bool there = (i + t) % 2 == 0;
                CHECK(batch.put(there ? left : right, "ball", i) && batch.erase(there ? right : left, "ball"));
                CHECK(batch.commit());
            }
            moving--;
        });
    }
    for (int t = 0; t < 2; t++) {
        threads.emplace_back([&] {
            do {
                const Snapshot snapshot = registry.snapshot().value();
                const bool in_left = snapshot.get_in("left", "ball").value().has_value();
                const bool in_right = snapshot.get_in("right", "ball").value().has_value();
                CHECK(in_left != in_right);
            } while (moving > 0);
        });
    }
    for (auto &thread : threads) thread.join();
}

TEST(threads_share_a_batch) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    const Batch batch = registry.batch().value();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 100; i++) {
                CHECK(batch.put(bucket, std::to_string(t * 100 + i), i));
                if (i % 10 == 0) CHECK(batch.commit());
            }
        });
    }
    for (auto &thread : threads) thread.join();
    CHECK(batch.commit());
    CHECK_EQ(bucket.count().value(), 400);
}

int main() {
    RUN(a_batch_changes_all_at_once);
    RUN(a_failed_batch_changes_nothing);
    RUN(a_batch_closes_itself);
    RUN(no_snapshot_shows_half_a_batch);
    RUN(threads_share_a_batch);
    return check_end();
}
