// put, get and Value of kvreg.hpp: every type there and back, and what a Value holds on to.
#include "kvreg.hpp"

#include "../c/check.h"

#include <cmath>
#include <thread>

using namespace std::literals;
using kvreg::Bucket;
using kvreg::Bytes;
using kvreg::Registry;
using kvreg::Status;
using kvreg::Type;
using kvreg::Value;

template <class T> static void put_int(Bucket bucket, T number) {
    CHECK(bucket.put("int", number));
    CHECK(bucket.get_int("int").value() == static_cast<std::int64_t>(number));
    CHECK(bucket.get("int").value()->as_int() == static_cast<std::int64_t>(number));
}

TEST(numbers_there_and_back) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    put_int(bucket, 12);
    put_int(bucket, 'c');
    put_int(bucket, std::int8_t{-128});
    put_int(bucket, std::uint8_t{255});
    put_int(bucket, std::uint32_t{4294967295});
    put_int(bucket, std::numeric_limits<std::int64_t>::min());
    put_int(bucket, std::numeric_limits<std::int64_t>::max());
    put_int(bucket, std::size_t{0x7fffffffffffffff});
    put_int(bucket, 0x7fffffffffffffffull);
    CHECK(bucket.put("int", 0x8000000000000000ull).status() == Status::out_of_range);
    CHECK(bucket.put("int", std::numeric_limits<std::size_t>::max()).status() == Status::out_of_range);
    CHECK(bucket.get_int("int").value() == INT64_MAX);
    for (const bool truth : {true, false}) {
        CHECK(bucket.put("bool", truth));
        CHECK(bucket.get_bool("bool").value() == truth);
        CHECK(bucket.get("bool").value()->as_bool() == truth);
        CHECK(bucket.get_int("bool").status() == Status::wrong_type);
    }
    CHECK(bucket.put("float", 0.5f));
    CHECK(bucket.get_float("float").value() == 0.5);
    CHECK(bucket.put("float", -0.0));
    CHECK(std::signbit(*bucket.get_float("float").value()));
    CHECK(bucket.get("float").value()->as_float() == 0.0);
    CHECK(bucket.get_int("float").status() == Status::wrong_type);
}

TEST(text_and_bytes_there_and_back) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    const char *const pointer = "a litre";
    CHECK(bucket.put("milk", pointer));
    CHECK(bucket.get("milk").value()->type() == Type::string); // and no bool
    CHECK(bucket.get_string("milk").value() == "a litre");
    char array[] = "a dozen";
    CHECK(bucket.put("milk", array) && bucket.get_string("milk").value() == "a dozen");
    CHECK(bucket.put("milk", "a\0b"s) && bucket.get_string("milk").value() == "a\0b"s);
    CHECK(bucket.put("milk", "a\0b"sv) && bucket.get_string("milk").value() == "a\0b"s);
    CHECK(bucket.put("milk", "") && bucket.get_string("milk").value() == "");
    CHECK(bucket.put("milk", std::string_view()) && bucket.get_string("milk").value() == "");
    CHECK(bucket.put("milk", "\xff").status() == Status::invalid_argument);
    CHECK(bucket.put("milk", static_cast<const char *>(nullptr)).status() == Status::invalid_argument);
    CHECK(bucket.put("a\0b"sv, 1) && bucket.get_int("a\0b"sv).value() == 1 && !*bucket.get("a"));

    const unsigned char raw[] = {0, 255, 0, 7};
    CHECK(bucket.put("raw", Bytes{raw, sizeof raw}));
    const auto bytes = bucket.get_bytes("raw").value();
    REQUIRE(bytes);
    CHECK(*bytes == std::vector<unsigned char>(raw, raw + sizeof raw));
    CHECK(bucket.get_string("raw").status() == Status::wrong_type);
    CHECK(bucket.put("raw", Bytes{}) && bucket.get_bytes("raw").value()->empty());
    CHECK(bucket.put("raw", "text") && bucket.get_bytes("raw").value()->size() == 4);
    const std::string big(1 << 20, 'b');
    CHECK(bucket.put("big", big) && bucket.get_string("big").value() == big);
}

TEST(a_value_outlives_its_bucket_and_moves) {
    Value outer;
    CHECK(outer.is_nil() && outer.type() == Type::nil);
    {
        const Registry registry = Registry::start().value();
        const Bucket bucket = registry.create("shopping").value();
        CHECK(bucket.put("text", std::string(1000, 't')) && bucket.put("raw", Bytes{"\xff", 1}));
        Value text = *bucket.get("text").value();
        const std::string_view view = *text.as_string();
        CHECK(!text.as_bytes() && !text.as_int() && !text.as_float() && !text.as_bool() && !text.is_nil());
        Value moved = std::move(text);
        CHECK(text.is_nil() && !text.as_string()); // NOLINT: what is left is part of the promise
        CHECK(moved.as_string()->data() == view.data());
        outer = *bucket.get("raw").value();
        CHECK(outer.as_bytes()->view() == "\xff"sv && !outer.as_string());
        outer = std::move(moved);
        Value &same = outer;
        outer = std::move(same);
        // A copy in another bucket, of its type and content.
        CHECK(bucket.put("again", outer) && bucket.get_string("again").value() == std::string(1000, 't'));
        CHECK(bucket.put("raw again", *bucket.get("raw").value()));
        CHECK(bucket.get("raw again").value()->as_bytes()->view() == "\xff"sv);
    }
    CHECK(outer.as_string() == std::string(1000, 't'));
    kvreg_value raw = outer.release();
    CHECK(outer.is_nil() && raw.type == KVREG_STR && raw.as.bytes.len == 1000);
    std::thread([&raw] { const Value taken(raw); }).join();
}

int main() {
    RUN(numbers_there_and_back);
    RUN(text_and_bytes_there_and_back);
    RUN(a_value_outlives_its_bucket_and_moves);
    return check_end();
}
