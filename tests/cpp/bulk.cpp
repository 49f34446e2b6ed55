// Many names, keys and items in one call of kvreg.hpp, and packed lists as ranges.
#include "kvreg.hpp"

#include "../c/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

using namespace std::literals;
using kvreg::Bucket;
using kvreg::Bytes;
using kvreg::Data;
using kvreg::Registry;
using kvreg::Status;
using kvreg::Value;
using kvreg::ValueView;
using Many = std::vector<std::optional<Data>>;

static Data number(std::int64_t number) { return number; }

TEST(many_names_are_created) {
    const Registry registry = Registry::start().value();
    const Bucket work = registry.create("work").value();
    const auto made = registry.create_many({"shopping", "work", "", "a\0b"sv, "shopping"}).value();
    REQUIRE(made.size() == 5);
    CHECK(made[1] == work && made[0] == made[4] && made[3].name().value() == "a\0b"s);
    CHECK(registry.lookup("").value() == made[2]);
    CHECK_EQ(registry.count().value(), 4);

    std::vector<std::string> names;
    for (int i = 0; i < 1000; i++) names.push_back("name " + std::to_string(i));
    const auto buckets = registry.create_many(names).value();
    REQUIRE(buckets.size() == names.size());
    for (std::size_t i = 0; i < names.size(); i++) CHECK(registry.lookup(names[i]).value() == buckets[i]);
    CHECK(registry.create_many(std::set<std::string_view>{"x", "y"}).value().size() == 2);
    CHECK(registry.create_many(std::vector<const char *>()).value().empty());

    CHECK(registry.create_many({"good"s, std::string(65536, 'n')}).status() == Status::invalid_argument);
    CHECK(!registry.lookup("good").value());
    CHECK(Registry::attach(0).create_many({"a"}).status() == Status::bad_handle);
}

TEST(many_items_are_put_as_one_change) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value(), copy = registry.create("copy").value();
    CHECK(bucket.put_many({{"milk", 1}, {"eggs", "a dozen"}, {"nil", nullptr}, {"truth", true}}).value() == 4);
    CHECK(bucket.put_many({{"raw", Bytes{"\xff\0", 2}}, {"a\0b"sv, "c\0d"sv}, {"half", 0.5}, {"least", INT64_MIN}}));
    CHECK_EQ(bucket.revision().value(), 2);
    CHECK(bucket.get_revision("milk").value()->revision == 1 && bucket.get_revision("eggs").value()->revision == 1);
    CHECK(bucket.get_int("milk").value() == 1 && bucket.get_string("eggs").value() == "a dozen");
    CHECK(bucket.get("nil").value()->is_nil() && bucket.get_bool("truth").value() == true);
    CHECK(bucket.get_float("half").value() == 0.5 && bucket.get_bytes("raw").value()->size() == 2);
    CHECK(bucket.get_string("a\0b"sv).value() == "c\0d"s && bucket.get_int("least").value() == INT64_MIN);

    // From whatever has pairs: what was got, a map, a snapshot's items, a dump's.
    const auto items = bucket.items().value();
    const std::map<std::string, Data> sorted(items.begin(), items.end());
    const auto same = [&] {
        const auto now = copy.items().value();
        return std::map(now.begin(), now.end()) == sorted;
    };
    CHECK(copy.put_many(items).value() == 8 && same());
    CHECK(copy.clear() && copy.put_many(sorted).value() == 8 && same());
    const kvreg::Snapshot snapshot = bucket.snapshot().value();
    CHECK(copy.clear() && copy.put_many(snapshot.items().value()).value() == 8 && same());
    const std::string dump = snapshot.dump().value();
    CHECK(copy.clear() && copy.put_many(kvreg::unpack_items(dump).value()).value() == 8 && same());
    const std::map<std::string, int> numbers{{"one", 1}, {"two", 2}};
    CHECK(copy.put_many(numbers).value() == 2 && copy.get_int("two").value() == 2);
    CHECK(copy.put_many({{"one", 1}, {"one", 3}}).value() == 2 && copy.get_int("one").value() == 3);
    CHECK(copy.put_many(std::map<std::string, int>()).value() == 0);

    // All or nothing.
    CHECK(bucket.put_many({{"new", 1}, {"big", UINT64_MAX}}).status() == Status::out_of_range);
    CHECK(bucket.put_many({{"new", 1}, {"bad", "\xff"}}).status() == Status::invalid_argument);
    const char *const null = nullptr;
    CHECK(bucket.put_many({{"new", 1}, {"none", null}}).status() == Status::invalid_argument);
    CHECK(bucket.put_many({{"new", 1}, {std::string(65536, 'k'), 1}}).status() == Status::invalid_argument);
    CHECK(!bucket.get("new").value());
    CHECK(Bucket().put_many({{"milk", 1}}).status() == Status::bad_handle);
    CHECK(copy.stop() && copy.put_many({{"milk", 1}}).status() == Status::dead);
}

TEST(many_keys_are_got) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    const std::string longer(100000, 't');
    CHECK(bucket.put_many({{"milk", 1}, {"nil", nullptr}, {"text", longer}, {"raw", Bytes{"\xff", 1}}, {"", false}}));
    CHECK((bucket.get_many({"milk", "eggs", "nil"}).value() == Many{number(1), std::nullopt, Data()}));
    CHECK((bucket.get_many(std::vector{"text"s, "raw"s}).value() == Many{longer, std::vector<unsigned char>{255}}));
    CHECK((bucket.get_many({"", "milk", "milk"}).value() == Many{false, number(1), number(1)}));
    CHECK(bucket.get_many(std::set<std::string>()).value().empty());
    CHECK(bucket.get_many({"milk"s, std::string(65536, 'k')}).status() == Status::invalid_argument);
    const kvreg::Snapshot then = bucket.snapshot().value();
    CHECK(bucket.put("milk", 2) && bucket.erase("text"));
    CHECK((then.get_many(std::vector{"text"sv, "milk"sv}).value() == Many{longer, number(1)}));
    CHECK((bucket.get_many({"text", "milk"}).value() == Many{std::nullopt, number(2)}));
    CHECK(bucket.stop() && bucket.get_many({"milk"}).status() == Status::dead);
    CHECK(Bucket().get_many({"milk"}).status() == Status::bad_handle);
}

TEST(a_packed_list_is_checked) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    CHECK(bucket.put_many({{"milk", 1}, {"eggs", "a dozen"}, {"nil", nullptr}, {"yes", true}, {"f", 0.5}}));
    const std::string dump = bucket.dump().value(), list = registry.dump().value();
    auto items = kvreg::unpack_items(dump).value();
    CHECK_EQ(std::distance(items.begin(), items.end()), 5);
    CHECK_EQ(std::count_if(items.begin(), items.end(), [](auto &item) { return item.value.as_int() == 1; }), 1);
    auto names = kvreg::unpack_names(list).value();
    CHECK(names.begin() != names.end() && names.begin()->name == "shopping" && names.begin()->bucket == bucket);
    auto none = kvreg::unpack_items("").value();
    CHECK(none.begin() == none.end());

    // Cut off anywhere but between two items, it is refused.
    std::size_t good = 0;
    for (std::size_t size = 0; size < dump.size(); size++) {
        const auto some = kvreg::unpack_items(std::string_view(dump).substr(0, size));
        CHECK(some || some.status() == Status::invalid_argument);
        good += some ? 1U : 0U;
    }
    CHECK_EQ(good, 5);
    for (std::size_t size = 1; size < list.size(); size++) CHECK(!kvreg::unpack_names(list.substr(0, size)));
    for (const std::string_view bad : {"\0\0\0\0\xff\0\0\0\0"sv, "\0\0\0\0\x06\0\0\0\0"sv, "\0\0\0\0\0\1\0\0\0x"sv,
                                       "\0\0\0\0\1\2\0\0\0xx"sv, "\0\0\0\0\2\1\0\0\0x"sv, "\xff\xff\xff\xff"sv})
        CHECK(kvreg::unpack_items(bad).status() == Status::invalid_argument);
}

TEST(a_view_shows_what_it_was_made_of) {
    CHECK(ValueView().is_nil() && ValueView(nullptr).is_nil() && ValueView(Data()).is_nil());
    CHECK(ValueView(true).as_bool() == true && ValueView(7).as_int() == 7 && ValueView(0.5f).as_float() == 0.5);
    CHECK(ValueView("text").as_string() == "text" && ValueView("a\0b"s).as_string() == "a\0b"sv);
    CHECK(ValueView(Bytes{"\xff", 1}).as_bytes()->view() == "\xff" && !ValueView("text").as_bytes());
    const Data raw = std::vector<unsigned char>{1, 0};
    for (const Data &data : {Data(), Data(true), number(-1), Data(0.5), Data("text"s), raw})
        CHECK(ValueView(data).data() == data && ValueView(data).status() == Status::ok);
    CHECK(ValueView(UINT64_MAX).status() == Status::out_of_range && ValueView(UINT64_MAX).is_nil());
    CHECK(ValueView(static_cast<const char *>(nullptr)).status() == Status::invalid_argument);
    Value value;
    CHECK(ValueView(value).is_nil());
}

// Four threads put the same hundred keys, each with one number: no snapshot shows two numbers.
TEST(threads_put_many) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    std::vector<std::string> keys;
    for (int i = 0; i < 100; i++) keys.push_back(std::to_string(i));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
        threads.emplace_back([&, t] {
            std::vector<std::pair<std::string_view, int>> items;
            for (const auto &key : keys) items.emplace_back(key, t);
            for (int round = 0; round < 50; round++) {
                CHECK(bucket.put_many(items).value() == keys.size());
                const auto seen = bucket.snapshot().value().get_many(keys).value();
                CHECK(seen.size() == keys.size() && seen[0]);
                CHECK(std::count(seen.begin(), seen.end(), seen[0]) == static_cast<std::ptrdiff_t>(keys.size()));
                CHECK(registry.create_many(keys).value().size() == keys.size());
            }
        });
    }
    for (auto &thread : threads) thread.join();
    CHECK_EQ(registry.count().value(), 101);
}

int main() {
    RUN(many_names_are_created);
    RUN(many_items_are_put_as_one_change);
    RUN(many_keys_are_got);
    RUN(a_packed_list_is_checked);
    RUN(a_view_shows_what_it_was_made_of);
    RUN(threads_put_many);
    return check_end();
}
