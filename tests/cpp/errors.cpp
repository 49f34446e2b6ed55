// With KVREG_CPP_EXCEPTIONS a failed Result throws what it failed with, and nothing else of kvreg.hpp throws.
#define KVREG_CPP_EXCEPTIONS
#include "kvreg.hpp"

#include "../c/check.h"

using kvreg::Bucket;
using kvreg::Error;
using kvreg::Registry;
using kvreg::Result;
using kvreg::Status;

/// The status that `call` throws; Status::ok if it throws nothing.
template <class Call> static Status thrown(Call call) {
    try {
        call();
        return Status::ok;
    } catch (const Error &error) {
        const std::string words = std::string(kvreg::name(error.status())) + ": " + kvreg::message(error.status());
        CHECK(error.what() == words);
        return error.status();
    }
}

TEST(an_error_is_thrown_by_value) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    bucket.put("milk", 1).value();
    CHECK(thrown([&] { (void)bucket.get_float("milk").value(); }) == Status::wrong_type);
    CHECK(thrown([&] { (void)*bucket.get_float("milk"); }) == Status::wrong_type);
    CHECK(thrown([&] { (void)bucket.get_float("milk").or_throw(); }) == Status::wrong_type);
    CHECK(thrown([&] { (void)bucket.get_float("milk")->has_value(); }) == Status::wrong_type);
    CHECK(thrown([&] { bucket.put("milk", "\xff").value(); }) == Status::invalid_argument);
    CHECK(thrown([&] { bucket.put("milk", UINT64_MAX).or_throw(); }) == Status::out_of_range);
    CHECK(thrown([&] { *bucket.put("milk", UINT64_MAX); }) == Status::out_of_range);
    CHECK(thrown([&] { (void)registry.create(std::string(65536, 'n')).value(); }) == Status::invalid_argument);
    CHECK(thrown([&] { (void)Registry::attach(0).names().value(); }) == Status::bad_handle);
    bucket.stop().or_throw();
    CHECK(thrown([&] { (void)bucket.items().value(); }) == Status::dead);
    CHECK(thrown([&] { (void)bucket.name().value(); }) == Status::dead);
    CHECK(thrown([&] { bucket.stop().value(); }) == Status::dead);
}

TEST(what_is_there_is_given_and_not_thrown) {
    Registry registry = Registry::start().or_throw();
    const Bucket bucket = registry.create("shopping").or_throw();
    bucket.put("milk", 1).or_throw();
    CHECK(bucket.get_int("milk").or_throw() == 1);
    const Result<std::string> name = bucket.name();
    CHECK(name.or_throw() == "shopping" && &name.or_throw() == &*name);
    // Absence is no error: what is not there is an empty optional, in this form of the header too.
    CHECK(thrown([&] { CHECK(!bucket.get_int("eggs").value()); }) == Status::ok);
    CHECK(thrown([&] { CHECK(!registry.lookup("work").value()); }) == Status::ok);
    CHECK(thrown([&] { CHECK(!bucket.erase("eggs").value()); }) == Status::ok);
    registry.stop().or_throw();
}

TEST(nothing_is_thrown_before_the_value_is_asked_for) {
    CHECK(thrown([] {
              const Bucket none;
              const auto got = none.get("milk");
              const auto put = none.put("milk", 1);
              CHECK(!got && !put && got.status() == Status::bad_handle && put.status() == Status::bad_handle);
              CHECK(none.get_int("milk").value_or(7) == 7);
              CHECK(!none.alive());
          }) == Status::ok);
}

TEST(an_error_is_a_standard_one) {
    bool caught = false;
    try {
        Bucket().stop().value();
    } catch (const std::runtime_error &error) {
        caught = std::string(error.what()).find("KVREG_BAD_HANDLE: ") == 0;
    }
    CHECK(caught);
}

// A registry ends with its scope, also if that is left by an error.
TEST(an_error_on_its_way_stops_the_registry) {
    kvreg_registry id = 0;
    const Status status = thrown([&] {
        const Registry registry = Registry::start().value();
        id = registry.id();
        registry.create("shopping").value().stop(kvreg::Reason::expired).value();
    });
    CHECK(status == Status::invalid_argument);
    CHECK(Registry::attach(id).count().status() == Status::stopped);
}

// What the visitor throws goes through, and harms nothing.
TEST(a_visitor_may_throw) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    for (int i = 0; i < 100; i++) bucket.put(std::to_string(i), "text").value();
    int visited = 0;
    CHECK(thrown([&] {
              bucket.for_each([&](std::string_view, const kvreg::Value &) {
                        if (++visited == 10) throw Error(Status::conflict);
                    })
                  .value();
          }) == Status::conflict);
    CHECK_EQ(visited, 10);
    CHECK_EQ(bucket.items().value().size(), 100);
}

// So does what an update function throws, also the error of a call that it makes; its key stays as it was.
TEST(an_update_function_may_throw) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    bucket.put("milk", "text").value();
    CHECK(thrown([&] {
              bucket.update("milk", [&](auto) { return kvreg::Update::put(*bucket.get_int("milk").value()); }).value();
          }) == Status::wrong_type);
    CHECK(thrown([&] { bucket.update("milk", [](auto) { return kvreg::Update::put(UINT64_MAX); }).value(); }) ==
          Status::out_of_range);
    CHECK(bucket.get_string("milk").value() == "text");
    bucket.put("milk", 1).value();
}

TEST(a_loop_over_a_closed_snapshot_throws) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    for (int i = 0; i < 100; i++) bucket.put(std::to_string(i), "text").value();
    const kvreg::Snapshot snapshot = bucket.snapshot().value();
    int visited = 0;
    CHECK(thrown([&] {
              for (const kvreg::Item &item : snapshot.items().value()) {
                  CHECK(item.value.as_string() == "text");
                  if (++visited == 10) snapshot.close().value();
              }
          }) == Status::dead);
    CHECK_EQ(visited, 10);
    CHECK(thrown([&] { (void)snapshot.names().value(); }) == Status::dead);
    // A condition that does not hold is an answer.
    CHECK(thrown([&] { CHECK(!bucket.put_new("7", 1).value() && !bucket.put_if_revision("7", 0, 1).value()); }) ==
          Status::ok);
}

int main() {
    RUN(an_update_function_may_throw);
    RUN(a_loop_over_a_closed_snapshot_throws);
    RUN(an_error_is_thrown_by_value);
    RUN(what_is_there_is_given_and_not_thrown);
    RUN(nothing_is_thrown_before_the_value_is_asked_for);
    RUN(an_error_is_a_standard_one);
    RUN(an_error_on_its_way_stops_the_registry);
    RUN(a_visitor_may_throw);
    return check_end();
}
