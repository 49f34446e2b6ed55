// The changes of kvreg.hpp that look before they change: put_new, take, swap, the conditional ones, add, update, clear.
#include "kvreg.hpp"

#include "../c/check.h"

#include <atomic>
#include <stdexcept>
#include <thread>

using namespace std::literals;
using kvreg::AddOptions;
using kvreg::Bucket;
using kvreg::Bytes;
using kvreg::Registry;
using kvreg::Status;
using kvreg::Update;
using kvreg::Value;
using kvreg::ValueView;

namespace {

const std::string too_long(65536, 'k');

template <class Body> void in_threads(Body body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) threads.emplace_back(body, i);
    for (auto &thread : threads) thread.join();
}

Bucket bucket_of(const Registry &registry) { return registry.create("shopping").value(); }

} // namespace

TEST(put_new_puts_once) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry);
    CHECK(bucket.put_new("milk", "a litre").value());
    CHECK(bucket.put_new("milk", 2) && !*bucket.put_new("milk", 2));
    CHECK(bucket.get_string("milk").value() == "a litre");
    CHECK(bucket.put_new("nil", nullptr).value() && !bucket.put_new("nil", 1).value());
    CHECK(bucket.put_new("big", UINT64_MAX).status() == Status::out_of_range && !*bucket.get("big"));
    CHECK(bucket.put_new("text", "\xff").status() == Status::invalid_argument);
    CHECK(bucket.put_new(too_long, 1).status() == Status::invalid_argument);
    CHECK(Bucket().put_new("milk", 1).status() == Status::bad_handle);
    std::atomic<int> won{0};
    in_threads([&](int thread) {
        for (int i = 0; i < 200; i++) won += bucket.put_new("key " + std::to_string(i), thread).value();
    });
    CHECK_EQ(won.load(), 200);
    CHECK(bucket.stop() && bucket.put_new("eggs", 1).status() == Status::dead);
}

TEST(take_gives_what_it_deletes) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry);
    CHECK(bucket.put("milk", std::string(100, 'm')) && bucket.put("nil", nullptr));
    CHECK(bucket.take("milk").value()->as_string() == std::string(100, 'm'));
    CHECK(bucket.take("milk") && !*bucket.take("milk") && !*bucket.get("milk"));
    CHECK(bucket.take("nil").value()->is_nil() && !bucket.take("nil").value());
    CHECK(bucket.take(too_long).status() == Status::invalid_argument);
    for (int i = 0; i < 200; i++) CHECK(bucket.put(std::to_string(i), i));
    std::atomic<int> taken{0};
    in_threads([&](int) {
        for (int i = 0; i < 200; i++) taken += bucket.take(std::to_string(i)).value().has_value();
    });
    CHECK_EQ(taken.load(), 200);
    CHECK(bucket.stop() && bucket.take("milk").status() == Status::dead);
}

TEST(swap_gives_what_was_there) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry);
    CHECK(bucket.swap("milk", nullptr) && !*bucket.swap("new", 1));
    CHECK(bucket.swap("milk", "text").value()->is_nil());
    const Value old = *bucket.swap("milk", 0.5).value();
    CHECK(old.as_string() == "text" && bucket.get_float("milk").value() == 0.5);
    CHECK(bucket.swap("milk", old).value()->as_float() == 0.5 && bucket.get_string("milk").value() == "text");
    CHECK(bucket.swap("milk", UINT64_MAX).status() == Status::out_of_range);
    CHECK(bucket.swap("milk", "\xff").status() == Status::invalid_argument);
    CHECK(bucket.get_string("milk").value() == "text");
    CHECK(bucket.stop() && bucket.swap("milk", 1).status() == Status::dead);
}

TEST(a_revision_guards_a_key) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry);
    CHECK(bucket.get_revision("milk") && !*bucket.get_revision("milk"));
    const auto first = bucket.put_if_revision("milk", 0, 1).value();
    REQUIRE(first);
    CHECK(bucket.put_if_revision("milk", 0, 2) && !*bucket.put_if_revision("milk", 0, 2));
    CHECK(bucket.put("eggs", 12));
    const auto seen = bucket.get_revision("milk").value();
    REQUIRE(seen);
    CHECK(seen->revision == *first && seen->value.as_int() == 1);
    const auto second = bucket.put_if_revision("milk", seen->revision, "text").value();
    CHECK(second && *second > *first && *second == bucket.revision().value());
    CHECK(!bucket.put_if_revision("milk", *first, 3).value());
    CHECK(!bucket.erase_if_revision("milk", *first).value());
    CHECK(bucket.get_revision("milk").value()->value.as_string() == "text");
    CHECK(bucket.put_if_revision("milk", *second, UINT64_MAX).status() == Status::out_of_range);
    CHECK(bucket.erase_if_revision("milk", *second).value());
    CHECK(bucket.erase_if_revision("milk", *second) && !*bucket.erase_if_revision("milk", *second));
    CHECK(bucket.erase_if_revision(too_long, 1).status() == Status::invalid_argument);
    CHECK(bucket.put_if_revision(too_long, 0, 1).status() == Status::invalid_argument);
    CHECK(Bucket().get_revision("milk").status() == Status::bad_handle);
    CHECK(bucket.stop() && bucket.get_revision("milk").status() == Status::dead);
    CHECK(bucket.put_if_revision("milk", 0, 1).status() == Status::dead);
    CHECK(bucket.erase_if_revision("milk", 1).status() == Status::dead);
}

TEST(an_equal_value_guards_a_key) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry);
    CHECK(bucket.put_if_equal("milk", nullptr, 1) && !*bucket.put_if_equal("milk", nullptr, 1));
    CHECK(bucket.put("milk", "text"));
    CHECK(!bucket.put_if_equal("milk", Bytes{"text", 4}, 1).value());
    CHECK(!bucket.put_if_equal("milk", "texts", 1).value());
    CHECK(bucket.put_if_equal("milk", "text"s, 1).value());
    CHECK(!bucket.put_if_equal("milk", 1.0, 2).value() && !bucket.put_if_equal("milk", true, 2).value());
    CHECK(bucket.put_if_equal("milk", *bucket.get("milk").value(), 2).value());
    CHECK(bucket.put_if_equal("milk", UINT64_MAX, 3).status() == Status::out_of_range);
    CHECK(bucket.put_if_equal("milk", 2, UINT64_MAX).status() == Status::out_of_range);
    CHECK(bucket.put_if_equal("milk", 2, "\xff").status() == Status::invalid_argument);
    CHECK(bucket.get_int("milk").value() == 2);
    CHECK(bucket.stop() && bucket.put_if_equal("milk", 2, 3).status() == Status::dead);
}

TEST(add_counts) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry);
    CHECK(bucket.add("hits").value() == 1 && bucket.add("hits", 10).value() == 11);
    CHECK(bucket.add("hits", -12).value() == -1);
    AddOptions options;
    options.initial = 100;
    options.max = 105;
    CHECK(bucket.add("limited", 3, options).value() == 103);
    CHECK(bucket.add("limited", 3, options).status() == Status::out_of_range);
    options.clamp = true;
    CHECK(bucket.add("limited", 3, options).value() == 105);
    options.min = 106;
    CHECK(bucket.add("limited", 3, options).status() == Status::invalid_argument);
    CHECK(bucket.put("limited", INT64_MAX) && bucket.add("limited").status() == Status::out_of_range);
    CHECK(bucket.put("text", "1") && bucket.add("text").status() == Status::wrong_type);
    CHECK(bucket.put("float", 1.0) && bucket.add("float").status() == Status::wrong_type);
    CHECK(Bucket().add("hits").status() == Status::bad_handle);
    in_threads([&](int) {
        for (int i = 0; i < 500; i++) CHECK(bucket.add("shared"));
    });
    CHECK(bucket.get_int("shared").value() == 2000);
    CHECK(bucket.stop() && bucket.add("hits").status() == Status::dead);
}

TEST(clear_deletes_all) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry);
    CHECK(bucket.clear().value() == 0);
    for (int i = 0; i < 100; i++) CHECK(bucket.put(std::to_string(i), "text"));
    CHECK(bucket.clear().value() == 100 && bucket.count().value() == 0);
    CHECK(Bucket().clear().status() == Status::bad_handle);
    CHECK(bucket.stop() && bucket.clear().status() == Status::dead);
}

TEST(update_decides) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry), other = registry.create("other").value();
    const auto count = [](std::optional<ValueView> old) {
        return Update::put(old ? old->as_int().value_or(-1) + 1 : 1);
    };
    CHECK(bucket.update("hits", count) && bucket.update("hits", count));
    CHECK(bucket.get_int("hits").value() == 2);
    CHECK(bucket.update("hits", [](auto) { return Update::keep(); }));
    CHECK(bucket.get_int("hits").value() == 2);
    CHECK(bucket.update("hits", [](auto) { return Update::erase(); }) && !*bucket.get("hits"));
    CHECK(bucket.update("none", [](auto old) { return old ? Update::put(1) : Update::erase(); }));
    CHECK(!*bucket.get("none"));

    // The new value may be the function's own, and of any type and size; what it saw stays.
    std::size_t seen = 0;
    for (int i = 0; i < 3; i++) {
        CHECK(bucket.update("text", [&](std::optional<ValueView> old) {
            const std::string_view text = old ? *old->as_string() : "";
            seen += text.size();
            return Update::put(std::string(text) + std::string(20, 't'));
        }));
    }
    CHECK(seen == 60 && bucket.get_string("text").value()->size() == 60);
    CHECK(bucket.update("raw", [](auto) { return Update::put(Bytes{"\xff\0", 2}); }));
    CHECK(bucket.get_bytes("raw").value()->size() == 2);
    CHECK(bucket.update("nil", [](auto) { return Update::put(nullptr); }) && bucket.get("nil").value()->is_nil());
    CHECK(bucket.update("copy", [&](auto) { return Update::put(*bucket.get("text").value()); }));
    CHECK(bucket.get_string("copy").value()->size() == 60);

    // What cannot be put is refused, and changes nothing.
    CHECK(bucket.update("nil", [](auto) { return Update::put(UINT64_MAX); }).status() == Status::out_of_range);
    CHECK(bucket.update("nil", [](auto) { return Update::put("\xff"); }).status() == Status::invalid_argument);
    CHECK(bucket.update("nil", [](auto) { return Update::put(static_cast<const char *>(nullptr)); }).status() ==
          Status::invalid_argument);
    CHECK(bucket.get("nil").value()->is_nil());

    // Any callable: one that changes itself, one that can only be called as an lvalue, a plain function.
    struct Counter {
        int calls = 0;
        Update operator()(const std::optional<ValueView> &) & { return Update::put(++calls); }
    } counter;
    CHECK(bucket.update("calls", counter) && bucket.update("calls", counter) && counter.calls == 2);
    Update (*const function)(std::optional<ValueView>) = [](std::optional<ValueView>) { return Update::put("f"); };
    CHECK(bucket.update("calls", function) && bucket.get_string("calls").value() == "f");

    // It may read and change other buckets, and not its own.
    CHECK(bucket.update("calls", [&](auto old) {
        CHECK(bucket.get_string("calls").value() == "f" && bucket.snapshot().value().count().value() > 0);
        CHECK(other.put("from inside", *old) && other.add("hits").value() == 1);
        CHECK(bucket.put("calls", 1).status() == Status::deadlock);
        CHECK(bucket.update("calls", [](auto) { return Update::erase(); }).status() == Status::deadlock);
        return Update::put(*old);
    }));
    CHECK(other.get_string("from inside").value() == "f" && bucket.get_string("calls").value() == "f");
}

TEST(a_change_waits_no_longer_for_a_function_than_the_options_say) {
    kvreg::StartOptions options;
    options.busy_timeout = std::chrono::milliseconds(-1);
    CHECK(Registry::start(options).status() == Status::invalid_argument);
    options.busy_timeout = std::chrono::milliseconds(0);
    const Registry registry = Registry::start(options).value();
    const Bucket bucket = bucket_of(registry);
    CHECK(bucket.update("milk", [&](auto) {
        std::thread([&] { CHECK(bucket.put("milk", 2).status() == Status::timed_out); }).join();
        return Update::put(3);
    }));
    CHECK(bucket.get_int("milk").value() == 3 && bucket.put("milk", 4));
}

TEST(an_update_function_is_not_called_in_vain) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry);
    int calls = 0;
    const auto function = [&](auto) { return calls++, Update::keep(); };
    CHECK(Bucket().update("milk", function).status() == Status::bad_handle);
    CHECK(bucket.update(too_long, function).status() == Status::invalid_argument);
    CHECK(bucket.update("milk", function) && calls == 1);
    CHECK(bucket.stop() && bucket.update("milk", function).status() == Status::dead && calls == 1);
}

TEST(what_an_update_function_throws_goes_through) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry), other = registry.create("other").value();
    CHECK(bucket.put("milk", "old"));
    const std::uint64_t revision = bucket.revision().value();
    std::string caught;
    try {
        (void)bucket.update("milk", [](std::optional<ValueView> old) -> Update {
            throw std::runtime_error("seen " + std::string(*old->as_string()));
        });
        caught = "nothing";
    } catch (const std::runtime_error &error) { caught = error.what(); }
    CHECK(caught == "seen old");
    CHECK(bucket.get_string("milk").value() == "old" && bucket.revision().value() == revision);
    // Nothing was left locked, not even by one that goes through two of them, or is no std::exception.
    int number = 0;
    try {
        (void)bucket.update("milk", [&](auto) {
            (void)other.update("milk", [](auto) -> Update { throw 42; });
            return Update::put("new");
        });
    } catch (int thrown) { number = thrown; }
    CHECK_EQ(number, 42);
    CHECK(bucket.get_string("milk").value() == "old" && other.count().value() == 0);
    // One that is caught inside is nobody else's.
    CHECK(bucket.update("milk", [&](auto) {
        try {
            (void)other.update("milk", [](auto) -> Update { throw 43; });
        } catch (int) { return Update::put("caught"); }
        return Update::keep();
    }));
    CHECK(bucket.get_string("milk").value() == "caught" && other.put("milk", 1));
}

TEST(updates_take_turns) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = bucket_of(registry);
    std::atomic<int> thrown{0};
    in_threads([&](int thread) {
        for (int i = 0; i < 200; i++) {
            try {
                CHECK(bucket.update("hits", [&](std::optional<ValueView> old) {
                    if (thread == 0 && i % 2 == 0) throw i;
                    const std::string text = old ? std::string(*old->as_string()) : "";
                    return Update::put(std::to_string(std::atoi(text.c_str()) + 1));
                }));
            } catch (int) { thrown++; }
        }
    });
    CHECK(thrown == 100 && bucket.get_string("hits").value() == "700");
    // The same, without a lock: whoever loses looks again.
    in_threads([&](int) {
        for (int i = 0; i < 200; i++) {
            for (;;) {
                const auto old = bucket.get_revision("free").value();
                const std::int64_t now = old ? *old->value.as_int() : 0;
                if (bucket.put_if_revision("free", old ? old->revision : 0, now + 1).value()) break;
            }
        }
    });
    CHECK(bucket.get_int("free").value() == 800);
}

int main() {
    RUN(put_new_puts_once);
    RUN(take_gives_what_it_deletes);
    RUN(swap_gives_what_was_there);
    RUN(a_revision_guards_a_key);
    RUN(an_equal_value_guards_a_key);
    RUN(add_counts);
    RUN(clear_deletes_all);
    RUN(update_decides);
    RUN(a_change_waits_no_longer_for_a_function_than_the_options_say);
    RUN(an_update_function_is_not_called_in_vain);
    RUN(what_an_update_function_throws_goes_through);
    RUN(updates_take_turns);
    return check_end();
}
