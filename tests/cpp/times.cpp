// Times to live and loaders in kvreg.hpp. This program waits for what must happen, however long it takes.
#include "kvreg.hpp"

#include "../c/check.h"

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>

using namespace std::literals;
using kvreg::Bucket;
using kvreg::for_ever;
using kvreg::Registry;
using kvreg::Result;
using kvreg::Status;
using kvreg::Update;

namespace {

const std::string too_long(65536, 'k');

/// A minute is only there so that a failure is a failure and no hang.
template <class Condition> bool happens(Condition condition) {
    const auto begin = std::chrono::steady_clock::now();
    while (!condition() && std::chrono::steady_clock::now() - begin < 60s) std::this_thread::yield();
    return condition();
}

} // namespace

TEST(a_key_lives_for_a_time) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("sessions").value();
    CHECK(bucket.put_for("ada", "token", 1h) && bucket.put_for("ever", 1, for_ever));
    CHECK(bucket.remaining_key("ada").value() > 59min && bucket.remaining_key("ada").value() <= 1h);
    CHECK(bucket.remaining_key("ever").value() == for_ever && !bucket.remaining_key("nobody").value());
    CHECK(bucket.touch_key("ada").value() && !bucket.touch_key("nobody").value());
    CHECK(bucket.expire_key("ever", 2s).value() && !bucket.expire_key("nobody", 2s).value());
    CHECK(bucket.expire_key("ever", for_ever).value() && bucket.remaining_key("ever").value() == for_ever);
    CHECK(bucket.put_for("short", 1, 1ms) && bucket.put_for("now", 1, 0ms));
    CHECK(happens([&] { return bucket.count().value() == 2; }));
    CHECK(bucket.put_for("ada", 1, -1ms).status() == Status::invalid_argument);
    CHECK(bucket.put_for("ada", UINT64_MAX, 1s).status() == Status::out_of_range);
    CHECK(bucket.put_for(too_long, 1, 1s).status() == Status::invalid_argument);
    CHECK(bucket.expire_key("ada", -5s).status() == Status::invalid_argument);
    CHECK(bucket.get_string("ada").value() == "token");
    CHECK(bucket.put_for("hits", 0, 1h) && bucket.add("hits").value() == 1);
    CHECK(bucket.remaining_key("hits").value() != for_ever);
    CHECK(bucket.put("hits", 0) && bucket.remaining_key("hits").value() == for_ever);
    CHECK(bucket.stop() && bucket.put_for("ada", 1, 1s).status() == Status::dead);
    CHECK(bucket.remaining_key("ada").status() == Status::dead && Bucket().touch_key("a").status() == Status::bad_handle);
}

TEST(a_bucket_lives_for_a_time) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("session").value();
    CHECK(bucket.remaining().value() == for_ever && bucket.touch());
    CHECK(bucket.expire(1h) && bucket.remaining().value() <= 1h && bucket.touch());
    CHECK(bucket.expire(for_ever) && bucket.remaining().value() == for_ever);
    CHECK(bucket.expire(-1s).status() == Status::invalid_argument);
    // First it goes out of the table, then it dies.
    CHECK(bucket.expire(1ms) && happens([&] { return !bucket.alive(); }) && !registry.lookup("session").value());
    CHECK(bucket.expire(1s).status() == Status::dead && bucket.touch().status() == Status::dead);
    CHECK(bucket.remaining().status() == Status::dead);
}

TEST(a_bucket_is_made_with_times) {
    const Registry registry = Registry::start().value();
    kvreg::CreateOptions options;
    options.ttl = 1h;
    CHECK(registry.create_with("short", options)->bucket.remaining().value() <= 1h);
    options.idle = 30min;
    const Bucket idle = registry.create_with("idle", options)->bucket;
    CHECK(idle.remaining().value() <= 30min && idle.put("key", 1) && registry.lookup("idle").value() == idle);
    options.idle = 1ms;
    CHECK(registry.create_with("brief", options) && happens([&] { return !registry.lookup("brief").value(); }));
    options.ttl = -1ms;
    CHECK(registry.create_with("bad", options).status() == Status::invalid_argument);
}

TEST(a_batch_puts_for_a_time) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("sessions").value();
    const auto batch = registry.batch().value();
    CHECK(batch.put_for(bucket, "a", 1, 1ms) && batch.put_for(bucket, "b", "text", 1h));
    CHECK(batch.put_for(bucket, "c", 1, for_ever) && batch.put_for(bucket, "d", 1, -1s).status() == Status::invalid_argument);
    CHECK(batch.put_for(bucket, "d", UINT64_MAX, 1s).status() == Status::out_of_range);
    CHECK(batch.commit() && happens([&] { return bucket.count().value() == 2; }));
    CHECK(bucket.remaining_key("b").value() <= 1h && bucket.remaining_key("c").value() == for_ever);
}

TEST(a_loader_fills_what_nobody_sees_before) {
    const Registry registry = Registry::start().value();
    int calls = 0;
    const std::function<void(Bucket)> load = [&](Bucket made) {
        calls++;
        CHECK(!registry.lookup("profile").value() && made.put("city", "Bern") && made.expire(1h));
    };
    const Bucket profile = registry.get_or_create("profile", load).value();
    CHECK(registry.get_or_create("profile", load).value() == profile && calls == 1);
    CHECK(profile.get_string("city").value() == "Bern" && profile.remaining().value() <= 1h);
    // It may say how it went, or nothing.
    CHECK(registry.get_or_create("a", [](Bucket made) { return made.put("key", 1); }));
    CHECK(registry.get_or_create("b", [](Bucket) { return Status::ok; }));
    CHECK(registry.get_or_create("c", [](Bucket made) { return made.add("key"); }).value().get_int("key").value() == 1);
    CHECK(registry.get_or_create("d", [](Bucket) { return Status::io; }).status() == Status::io);
    CHECK(registry.get_or_create("d", [](Bucket) { return Status::not_found; }).status() == Status::not_found);
    CHECK(registry.get_or_create("d", [](Bucket) { return static_cast<Status>(-4711); }).status() == static_cast<Status>(-4711));
    CHECK(registry.get_or_create(too_long, load).status() == Status::invalid_argument);
    CHECK(registry.get_or_create("e", load, -1s).status() == Status::invalid_argument && calls == 1);
    CHECK(Registry::attach(7).get_or_create("e", load).status() == Status::bad_handle);
}

TEST(a_loader_that_would_wait_for_itself_is_told) {
    const Registry registry = Registry::start().value();
    const auto outer = registry.get_or_create("a", [&](Bucket) {
        return registry.get_or_create("b", [&](Bucket) { return registry.get_or_create("a", [](Bucket) {}); });
    });
    CHECK(outer.status() == Status::deadlock && registry.count().value() == 0);
}

TEST(what_a_loader_throws_comes_out) {
    const Registry registry = Registry::start().value();
    std::atomic<int> waiting{0}, failed{0};
    std::vector<std::thread> others;
    bool caught = false;
    try {
        (void)registry.get_or_create("a", [&](Bucket made) {
            CHECK(made.put("key", 1));
            for (int i = 0; i < 4; i++) {
                others.emplace_back([&] {
                    waiting++;
                    // Who comes too late to wait finds no failure kept, and loads.
                    const auto answer = registry.get_or_create("a", [](Bucket) { return Status::io; });
                    CHECK(answer.status() == Status::failed || answer.status() == Status::io);
                    failed++;
                });
            }
            while (waiting.load() < 4) std::this_thread::yield();
            throw std::runtime_error("no connection");
        });
    } catch (const std::runtime_error &error) {
        caught = error.what() == "no connection"s;
    }
    for (auto &other : others) other.join();
    CHECK(caught && failed.load() == 4 && !registry.lookup("a").value());
    CHECK(registry.get_or_create("a", [](Bucket) {}));
}

TEST(of_many_threads_one_loads) {
    const Registry registry = Registry::start().value();
    std::atomic<int> calls{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++) {
        threads.emplace_back([&] {
            for (int name = 0; name < 200; name++) {
                const auto load = [&](Bucket made) { return calls++, made.put("name", name); };
                const auto got = registry.get_or_create(std::to_string(name), load, 1min);
                CHECK(got && got->get_int("name").value() == name);
            }
        });
    }
    for (auto &thread : threads) thread.join();
    CHECK_EQ(calls.load(), 200);
}

int main() {
    RUN(a_key_lives_for_a_time);
    RUN(a_bucket_lives_for_a_time);
    RUN(a_bucket_is_made_with_times);
    RUN(a_batch_puts_for_a_time);
    RUN(a_loader_fills_what_nobody_sees_before);
    RUN(a_loader_that_would_wait_for_itself_is_told);
    RUN(what_a_loader_throws_comes_out);
    RUN(of_many_threads_one_loads);
    return check_end();
}
