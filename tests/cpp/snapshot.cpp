// Snapshot of kvreg.hpp: what it shows, who owns it, and how it is visited.
#include "kvreg.hpp"

#include "../c/check.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

using namespace std::literals;
using kvreg::Bucket;
using kvreg::Registry;
using kvreg::Snapshot;
using kvreg::Status;
using kvreg::Value;

static bool lives(kvreg_snapshot id) {
    std::uint64_t count = 0;
    return kvreg_snapshot_count(id, &count) == KVREG_OK;
}

TEST(a_buckets_snapshot_stays_as_it_was) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    const std::string longer(1000, 'm');
    CHECK(bucket.put("milk", longer) && bucket.put("eggs", 12) && bucket.put("nil", nullptr));
    const Snapshot then = bucket.snapshot().value();
    CHECK(bucket.put("milk", "none") && bucket.put("eggs", 13) && bucket.erase("nil").value() && bucket.put("ham", 1));

    CHECK_EQ(then.count().value(), 3);
    CHECK_EQ(then.revision().value(), 3);
    CHECK(then.get("milk").value()->as_string() == longer);
    CHECK(then.get("eggs").value()->as_int() == 12);
    CHECK(then.get("nil").value()->is_nil());
    CHECK(then.get("ham") && !*then.get("ham"));
    const auto eggs = then.get_revision("eggs").value();
    CHECK(eggs->value.as_int() == 12 && eggs->revision == 2);
    CHECK(then.get_revision("ham") && !*then.get_revision("ham"));
    CHECK(!bucket.put_if_revision("eggs", eggs->revision, 14).value());
    const auto many = then.get_many({"eggs", "ham", "nil"}).value();
    CHECK((many == std::vector<std::optional<kvreg::Data>>{std::int64_t{12}, std::nullopt, nullptr}));
    CHECK_EQ(bucket.snapshot().value().count().value(), 3);
    CHECK(then.get(std::string(65536, 'k')).status() == Status::invalid_argument);
}

TEST(a_registrys_snapshot_shows_all_at_one_moment) {
    const Registry registry = Registry::start().value();
    const Bucket shopping = registry.create("shopping").value(), work = registry.create("work").value();
    CHECK(shopping.put("milk", 1) && work.put("milk", 2));
    const Snapshot then = registry.snapshot().value();
    CHECK(shopping.stop() && registry.create("later"));
    const Bucket again = registry.create("shopping").value();
    CHECK(again != shopping && again.put("milk", 3) && work.put("milk", 4));

    CHECK_EQ(then.count().value(), 2);
    CHECK_EQ(then.revision().value(), 2);
    CHECK(then.lookup("shopping").value() == shopping && then.lookup("work").value() == work);
    CHECK(then.lookup("later") && !*then.lookup("later"));
    CHECK(then.get_in("shopping", "milk").value()->as_int() == 1);
    CHECK(then.get_in("work", "milk").value()->as_int() == 2);
    CHECK(then.get_in("work", "eggs") && !*then.get_in("work", "eggs"));
    CHECK(then.get_in("later", "milk") && !*then.get_in("later", "milk"));

    auto inner = then.bucket("shopping").value();
    REQUIRE(inner);
    CHECK(inner->get("milk").value()->as_int() == 1);
    CHECK(then.bucket("later") && !*then.bucket("later"));
    // Each of the two stands alone.
    const kvreg_snapshot id = inner->id();
    CHECK(lives(id) && id != then.id());
    inner.reset();
    CHECK(!lives(id) && lives(then.id()));
}

TEST(a_snapshot_of_the_other_kind_is_a_wrong_handle) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    const Snapshot names = registry.snapshot().value(), keys = bucket.snapshot().value();
    CHECK(names.get("milk").status() == Status::bad_handle);
    CHECK(names.get_revision("milk").status() == Status::bad_handle);
    CHECK(names.get_many({"milk"}).status() == Status::bad_handle);
    CHECK(names.items().status() == Status::bad_handle);
    CHECK(keys.lookup("shopping").status() == Status::bad_handle);
    CHECK(keys.bucket("shopping").status() == Status::bad_handle);
    CHECK(keys.get_in("shopping", "milk").status() == Status::bad_handle);
    CHECK(keys.names().status() == Status::bad_handle);
    CHECK(Snapshot(registry.id()).count().status() == Status::bad_handle);
    CHECK(Bucket(keys.id()).snapshot().status() == Status::bad_handle);
    CHECK(lives(keys.id()));
    CHECK(bucket.stop() && bucket.snapshot().status() == Status::dead);
    CHECK(Registry::attach(0).snapshot().status() == Status::bad_handle);
}

static void answers_nothing(const Snapshot &snapshot, Status why) {
    CHECK(snapshot.count().status() == why && snapshot.revision().status() == why);
    CHECK(snapshot.get("milk").status() == why && snapshot.get_revision("milk").status() == why);
    CHECK(snapshot.get_many({"milk"}).status() == why && snapshot.dump().status() == why);
    CHECK(snapshot.lookup("a").status() == why && snapshot.bucket("a").status() == why);
    CHECK(snapshot.get_in("a", "milk").status() == why);
    CHECK(snapshot.names().status() == why && snapshot.items().status() == why);
    CHECK(snapshot.close().status() == why);
}

TEST(a_snapshot_closes_itself) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    answers_nothing(Snapshot(), Status::bad_handle);

    kvreg_snapshot id = 0;
    {
        const Snapshot snapshot = bucket.snapshot().value();
        id = snapshot.id();
        CHECK(lives(id));
    }
    CHECK(!lives(id));

    Snapshot first = bucket.snapshot().value();
    id = first.id();
    Snapshot second = std::move(first);
    CHECK(first.id() == 0 && second.id() == id && lives(id)); // NOLINT: what is left is part of the promise
    answers_nothing(first, Status::bad_handle);
    Snapshot third = bucket.snapshot().value();
    const kvreg_snapshot replaced = third.id();
    third = std::move(second);
    CHECK(third.id() == id && lives(id) && !lives(replaced));
    Snapshot &same = third;
    third = std::move(same);
    CHECK(third.id() == id && lives(id));
    CHECK(third.close());
    CHECK(third.id() == id && !lives(id));
    answers_nothing(third, Status::dead);
    third = Snapshot();
    CHECK(third.id() == 0);

    // Given away, and taken over again.
    Snapshot given = registry.snapshot().value();
    id = given.release();
    CHECK(given.id() == 0 && lives(id));
    { const Snapshot taken(id); }
    CHECK(!lives(id));
}

TEST(a_snapshot_outlives_what_it_shows) {
    Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    CHECK(bucket.put("milk", std::string(1000, 'm')) && bucket.put("eggs", "few"));
    const Snapshot keys = bucket.snapshot().value();
    Snapshot names = registry.snapshot().value();
    CHECK(bucket.stop() && registry.stop());
    CHECK(keys.get("eggs").value()->as_string() == "few");
    CHECK(names.get_in("shopping", "eggs").value()->as_string() == "few");
    // And a value the snapshot.
    const Value milk = *names.get_in("shopping", "milk").value();
    const Value eggs = *keys.get("eggs").value();
    CHECK(names.close() && keys.close());
    CHECK(milk.as_string() == std::string(1000, 'm') && eggs.as_string() == "few");
}

TEST(names_and_items_can_be_visited) {
    const Registry registry = Registry::start().value();
    std::map<std::string, Bucket> made;
    for (const std::string &name : {"shopping"s, ""s, "a\0b"s, "\xff"s, std::string(65535, 'n')})
        made[name] = registry.create(name).value();
    const Bucket bucket = made["shopping"];
    std::map<std::string, kvreg::Data> put;
    for (int i = 0; i < 1000; i++) {
        const std::string key = "key " + std::to_string(i);
        if (i % 3 == 0) put[key] = std::int64_t{i};
        if (i % 3 == 1) put[key] = std::to_string(i);
        if (i % 3 == 2) put[key] = std::string(static_cast<std::size_t>(i), 'x');
        CHECK(bucket.put(key, put[key]));
    }
    const Snapshot all = registry.snapshot().value();
    const Snapshot some = all.bucket("shopping").value().value();
    CHECK(bucket.clear() && registry.create("later"));

    std::map<std::string, Bucket> names;
    for (const auto &[name, found] : all.names().value()) CHECK(names.emplace(name, found).second);
    CHECK(names == made);
    std::map<std::string, kvreg::Data> items;
    for (const auto &[key, value] : some.items().value()) CHECK(items.emplace(key, value.data()).second);
    CHECK(items == put);

    const Snapshot empty = bucket.snapshot().value();
    for (const auto &item : empty.items().value()) CHECK(item.key == "nothing is there");
}

TEST(a_range_is_for_algorithms) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    for (int i = 0; i < 100; i++) CHECK(bucket.put(std::to_string(i), i));
    const Snapshot snapshot = bucket.snapshot().value();
    auto items = snapshot.items().value();
    // begin() starts over each time, in the same order.
    const auto is_even = [](const kvreg::Item &item) { return *item.value.as_int() % 2 == 0; };
    CHECK_EQ(std::count_if(items.begin(), items.end(), is_even), 50);
    CHECK_EQ(std::distance(items.begin(), items.end()), 100);
    const auto found = std::find_if(items.begin(), items.end(), [](auto &item) { return item.key == "42"; });
    REQUIRE(found != items.end());
    CHECK(found->value.as_int() == 42);
    std::vector<std::string_view> keys, again; // the keys are the snapshot's
    const auto key = [](const kvreg::Item &item) { return item.key; };
    std::transform(items.begin(), items.end(), std::back_inserter(keys), key);
    for (auto it = items.begin(); it != items.end(); it++) again.push_back(it->key);
    CHECK(keys == again && keys.size() == 100);
    std::sort(keys.begin(), keys.end());
    CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
    // Values may be moved out, and then outlive everything.
    std::vector<Value> values;
    for (kvreg::Item &item : items) values.push_back(std::move(item.value));
    CHECK(bucket.stop() && snapshot.close());
    std::int64_t sum = 0;
    for (const Value &value : values) sum += *value.as_int();
    CHECK_EQ(sum, 4950);

    const Snapshot other = registry.snapshot().value();
    auto none = other.names().value();
    CHECK(none.begin() == none.end());
    auto moved = std::move(none);
    CHECK(registry.create("later") && moved.begin() == moved.end());
}

TEST(a_dump_can_be_taken_apart) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    CHECK(bucket.put("milk", "a\0b"sv) && bucket.put("", 0.5) && bucket.put("nil", nullptr) && bucket.put("b", true));
    const Snapshot keys = bucket.snapshot().value(), names = registry.snapshot().value();
    CHECK(bucket.put("later", 1));
    const std::string dump = keys.dump().value();
    std::map<std::string_view, kvreg::Data> items;
    for (auto &[key, value] : kvreg::unpack_items(dump).value()) items[key] = value.data();
    const std::map<std::string_view, kvreg::Data> put{{"milk", "a\0b"s}, {"", 0.5}, {"nil", nullptr}, {"b", true}};
    CHECK(items == put);
    const std::string list = names.dump().value();
    std::size_t count = 0;
    for (auto &[name, found] : kvreg::unpack_names(list).value()) count += name == "shopping" && found == bucket;
    CHECK_EQ(count, 1);
    CHECK(registry.dump().value() == list && bucket.dump().value().size() > dump.size());
}

// Four threads read and visit one snapshot while the bucket changes under it, and take their own.
TEST(threads_share_a_snapshot) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    for (int i = 0; i < 200; i++) CHECK(bucket.put(std::to_string(i), 1));
    const Snapshot then = bucket.snapshot().value();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&, t] {
            for (int round = 0; round < 50; round++) {
                CHECK(bucket.put(std::to_string((round * 4 + t) % 200), round));
                CHECK(bucket.erase(std::to_string((round + 100) % 200)));
                std::int64_t sum = 0;
                for (const auto &item : then.items().value()) sum += *item.value.as_int();
                CHECK_EQ(sum, 200);
                CHECK(then.get(std::to_string(round)).value()->as_int() == 1);
                const Snapshot now = bucket.snapshot().value();
                auto items = now.items().value();
                CHECK_EQ(std::distance(items.begin(), items.end()), now.count().value());
            }
        });
    }
    for (auto &thread : threads) thread.join();
}

int main() {
    RUN(a_buckets_snapshot_stays_as_it_was);
    RUN(a_registrys_snapshot_shows_all_at_one_moment);
    RUN(a_snapshot_of_the_other_kind_is_a_wrong_handle);
    RUN(a_snapshot_closes_itself);
    RUN(a_snapshot_outlives_what_it_shows);
    RUN(names_and_items_can_be_visited);
    RUN(a_range_is_for_algorithms);
    RUN(a_dump_can_be_taken_apart);
    RUN(threads_share_a_snapshot);
    return check_end();
}
