// Registry, Bucket and Result of kvreg.hpp: who owns what, what moves do, what absence and failure look like.
#include "kvreg.hpp"

#include "../c/check.h"

#include <map>
#include <unordered_set>

using namespace std::literals;
using kvreg::Bucket;
using kvreg::Bytes;
using kvreg::Reason;
using kvreg::Registry;
using kvreg::Result;
using kvreg::Status;
using kvreg::Value;

static bool runs(kvreg_registry id) {
    std::uint64_t count = 0;
    return kvreg_registry_count(id, &count) == KVREG_OK;
}

TEST(the_object_that_started_a_registry_stops_it) {
    kvreg_registry id = 0;
    {
        const Registry registry = Registry::start().value();
        id = registry.id();
        CHECK(registry.owns() && runs(id));
        const Registry view = Registry::attach(id);
        CHECK(!view.owns() && view.id() == id);
        CHECK(view.create("shopping"));
    }
    CHECK(!runs(id));
    CHECK(Registry::attach(id).create("shopping").status() == Status::stopped);
    CHECK(Registry::attach(0).count().status() == Status::bad_handle);
}

TEST(an_object_that_only_looks_stops_nothing) {
    Registry owner = Registry::start("a wrapped one").value();
    {
        const Registry other = Registry::start("a wrapped one").value();
        CHECK(other.id() == owner.id() && !other.owns());
    }
    { const Registry view = Registry::attach(owner.id()); }
    CHECK(runs(owner.id()));
    // Whoever has it may stop it, and the owner's end is then no error.
    CHECK(Registry::attach(owner.id()).stop());
    CHECK(!runs(owner.id()));
    CHECK(owner.stop().status() == Status::stopped);
}

TEST(the_empty_name_is_a_name) {
    const Registry first = Registry::start(std::string_view()).value();
    const Registry second = Registry::start("").value();
    CHECK(second.id() == first.id() && first.owns() && !second.owns());
    CHECK(Registry::start().value().id() != first.id());
    CHECK(Registry::start(std::string(65536, 'n')).status() == Status::invalid_argument);
    CHECK(Registry::start(std::string(65535, 'n')));
}

TEST(a_registry_is_started_with_options) {
    using kvreg::StartOptions;
    const auto first_of = [](const Registry &registry) {
        registry.create("a").value(); // before anybody listens
        registry.create("b").value();
        kvreg::SubscribeOptions options;
        options.from = kvreg::From::revision(0);
        return registry.subscribe(options);
    };
    CHECK(first_of(Registry::start().value()).status() == Status::out_of_range);
    StartOptions options;
    options.history = 2;
    options.max_restarts = 0;
    options.restart_window = kvreg::for_ever;
    const Registry registry = Registry::start(options).value();
    const auto subscription = first_of(registry).value();
    CHECK(subscription.count().value() == 2 && subscription.next().value()->name() == "a");
    const Registry named = Registry::start("one with options", options).value();
    CHECK(first_of(named));
    // Of one that runs they change nothing.
    CHECK(!Registry::start("one with options", StartOptions()).value().owns());
    options.restart_window = std::chrono::milliseconds(-1);
    CHECK(Registry::start(options).status() == Status::invalid_argument);
    CHECK(Registry::start("another", options).status() == Status::invalid_argument);
}

TEST(release_lets_go) {
    kvreg_registry id = 0;
    {
        Registry registry = Registry::start().value();
        id = registry.release();
        CHECK(id == registry.id() && !registry.owns());
    }
    CHECK(runs(id));
    CHECK_EQ(kvreg_stop(id), KVREG_OK);
}

TEST(a_registry_moves_with_its_duty) {
    Registry first = Registry::start().value();
    const kvreg_registry id = first.id();
    Registry second = std::move(first);
    CHECK(first.id() == 0 && !first.owns()); // NOLINT: what is left is part of the promise
    CHECK(second.id() == id && second.owns() && runs(id));

    Registry third = Registry::start().value();
    const kvreg_registry replaced = third.id();
    third = std::move(second);
    CHECK(third.id() == id && runs(id));
    CHECK(!runs(replaced));

    Registry &same = third;
    third = std::move(same);
    CHECK(third.id() == id && third.owns() && runs(id));
    third = Registry::attach(0);
    CHECK(!runs(id));
}

TEST(a_bucket_is_a_plain_value) {
    const Registry registry = Registry::start().value();
    const Bucket a = registry.create("a").value(), b = registry.create("b").value();
    const Bucket copy = a;
    CHECK(copy == a && !(copy != a) && a != b && (a < b) != (b < a));
    CHECK(Bucket(a.id()) == a && Bucket() == Bucket(0));
    const std::unordered_set<Bucket> set{a, b, copy};
    CHECK(set.size() == 2 && set.count(copy) == 1 && set.count(Bucket()) == 0);
    CHECK((std::map<Bucket, int>{{a, 1}, {b, 2}, {copy, 3}}.size() == 2));
    CHECK(a.name().value() == "a");
    CHECK(a.registry_id().value() == registry.id());
    CHECK(!Bucket().alive() && a.alive());
    CHECK(Bucket().count().status() == Status::bad_handle);
    CHECK(Bucket().name().status() == Status::bad_handle);
    CHECK(Bucket(registry.id()).put("key", 1).status() == Status::bad_handle);
    const std::string longest(65535, 'n');
    CHECK(registry.create(longest).value().name().value() == longest);
    CHECK(registry.create("").value().name().value().empty());
    CHECK(registry.create(std::string(65536, 'n')).status() == Status::invalid_argument);
    CHECK(a.stop(Reason::owner_closed).status() == Status::invalid_argument);
    CHECK(a.stop(Reason::killed));
    CHECK(!a.alive() && a.name().status() == Status::dead && a.registry_id().status() == Status::dead);
}

TEST(absence_is_not_failure) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    const auto nothing = registry.lookup("work");
    CHECK(nothing && nothing.status() == Status::ok && !nothing->has_value());
    const auto something = registry.lookup("shopping");
    CHECK(something && *something == bucket);
    CHECK(bucket.get("milk") && !*bucket.get("milk"));
    CHECK(bucket.get_int("milk") && !*bucket.get_int("milk"));
    CHECK(bucket.get_float("milk") && !*bucket.get_float("milk"));
    CHECK(bucket.get_bool("milk") && !*bucket.get_bool("milk"));
    CHECK(bucket.get_string("milk") && !*bucket.get_string("milk"));
    CHECK(bucket.get_bytes("milk") && !*bucket.get_bytes("milk"));
    CHECK(bucket.erase("milk") && !*bucket.erase("milk"));

    CHECK(bucket.put("milk", nullptr));
    CHECK(bucket.get("milk").value()->is_nil());
    CHECK(bucket.get_int("milk").status() == Status::wrong_type);
    CHECK(bucket.get_float("milk").status() == Status::wrong_type);
    CHECK(bucket.get_bool("milk").status() == Status::wrong_type);
    CHECK(bucket.get_string("milk").status() == Status::wrong_type);
    CHECK(bucket.get_bytes("milk").status() == Status::wrong_type);
    CHECK(bucket.erase("milk").value());

    CHECK(bucket.stop());
    CHECK(!bucket.get("milk") && bucket.get("milk").status() == Status::dead);
    CHECK(!bucket.get_int("milk") && bucket.get_int("milk").status() == Status::dead);
    CHECK(!bucket.get_string("milk") && bucket.get_string("milk").status() == Status::dead);
    CHECK(!bucket.erase("milk") && bucket.erase("milk").status() == Status::dead);
    CHECK(!bucket.items() && bucket.items().status() == Status::dead);
}

TEST(names_and_items_are_complete) {
    const Registry registry = Registry::start().value();
    CHECK(registry.names().value().empty());
    CHECK_EQ(registry.revision().value(), 0);
    std::map<std::string, Bucket> made;
    for (const std::string &name : {"shopping"s, ""s, "a\0b"s, "\xff"s, std::string(65535, 'n')})
        made[name] = registry.create(name).value();
    const auto names = registry.names().value();
    CHECK(std::map(names.begin(), names.end()) == made);
    CHECK_EQ(names.size(), made.size());
    CHECK_EQ(registry.revision().value(), made.size());

    const Bucket bucket = made["shopping"];
    CHECK(bucket.items().value().empty());
    std::map<std::string, kvreg::Data> put{{"nil", nullptr}, {"no", false}, {"yes", true}, {"", std::int64_t{-1}},
                                           {"f", -0.5},      {"s", "a\0b"s}, {"b", std::vector<unsigned char>{0, 255}}};
    CHECK(bucket.put("nil", nullptr) && bucket.put("no", false) && bucket.put("yes", true) && bucket.put("", -1));
    CHECK(bucket.put("f", -0.5) && bucket.put("s", "a\0b"sv) && bucket.put("b", Bytes{"\0\xff", 2}));
    const auto items = bucket.items().value();
    CHECK_EQ(items.size(), put.size());
    CHECK(std::map(items.begin(), items.end()) == put);
    CHECK_EQ(bucket.count().value(), put.size());
    CHECK_EQ(bucket.revision().value(), put.size());

    // The visitor may change the bucket that it visits: what it is shown was taken before.
    std::size_t visited = 0;
    CHECK(bucket.for_each([&](std::string_view key, const Value &) {
        CHECK(bucket.erase(key).value() && bucket.put("new " + std::string(key), 1));
        visited++;
    }));
    CHECK_EQ(visited, put.size());
    for (int i = 0; i < 5000; i++) CHECK(bucket.put(std::to_string(i), i));
    std::int64_t sum = 0;
    CHECK(bucket.for_each([&](std::string_view key, const Value &value) {
        if (key.substr(0, 4) != "new ") sum += value.as_int().value();
    }));
    CHECK_EQ(sum, 5000 * 4999 / 2);
}

TEST(a_result_holds_one_of_two) {
    const Result<std::string> good("text"s), bad(Status::dead);
    CHECK(good && !bad && good.status() == Status::ok && bad.status() == Status::dead);
    CHECK(*good == "text" && good->size() == 4 && good.value() == "text");
    CHECK(good.value_or("other") == "text" && bad.value_or("other") == "other");
    CHECK(Result<std::string>("moved"s).value_or("other") == "moved");
    Result<std::string> changed("a"s);
    changed.value() += "b";
    *changed += "c";
    changed->push_back('d');
    CHECK(*changed == "abcd" && *std::move(changed) == "abcd");
    CHECK(!Result<int>(Status::ok) && Result<int>(Status::ok).status() != Status::ok);
    CHECK(Result<bool>(false) && !*Result<bool>(false));
    CHECK(Result<void>() && !Result<void>(Status::io) && Result<void>(Status::io).status() == Status::io);
    Result<void>().value();
    for (char &letter : Registry::start().value().create("x").value().name().value()) CHECK(letter == 'x');
}

int main() {
    RUN(the_object_that_started_a_registry_stops_it);
    RUN(an_object_that_only_looks_stops_nothing);
    RUN(the_empty_name_is_a_name);
    RUN(a_registry_is_started_with_options);
    RUN(release_lets_go);
    RUN(a_registry_moves_with_its_duty);
    RUN(a_bucket_is_a_plain_value);
    RUN(absence_is_not_failure);
    RUN(names_and_items_are_complete);
    RUN(a_result_holds_one_of_two);
    return check_end();
}
