// The test cases of the Elixir guide's registry in C++; those about events are in events.cpp.
#include "kvreg.hpp"

#include "../c/check.h"

using kvreg::Bucket;
using kvreg::Reason;
using kvreg::Registry;
using kvreg::Status;

TEST(stores_values_by_key) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    CHECK(!bucket.get("milk").value());
    CHECK(bucket.put("milk", 3));
    CHECK(bucket.get("milk").value()->as_int() == 3);
    CHECK(bucket.get_int("milk").value() == 3);
}

TEST(deletes_a_key) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    CHECK(bucket.put("milk", 3));
    CHECK(bucket.erase("milk").value());
    CHECK(!bucket.get("milk").value());
    CHECK(!bucket.erase("milk").value());
}

TEST(spawns_buckets) {
    const Registry registry = Registry::start().value();
    CHECK(registry.lookup("shopping").value() == std::nullopt);
    const Bucket created = registry.create("shopping").value();
    const std::optional<Bucket> bucket = registry.lookup("shopping").value();
    REQUIRE(bucket == created);
    CHECK(bucket->put("milk", 1));
    CHECK(created.get_int("milk").value() == 1);
}

TEST(an_existing_name_gives_the_same_bucket) {
    const Registry registry = Registry::start().value();
    const Bucket first = registry.create("shopping").value();
    CHECK(first.put("milk", 1));
    const Bucket again = registry.create("shopping").value();
    CHECK(again == first);
    CHECK(again.get_int("milk").value() == 1);
    CHECK(registry.create("work").value() != first);
    CHECK_EQ(registry.count().value(), 2);
}

static void removes(Reason reason) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    CHECK(bucket.put("milk", 1));
    CHECK(bucket.alive());
    CHECK(bucket.stop(reason));
    CHECK(registry.lookup("shopping").value() == std::nullopt);
    CHECK(!bucket.alive());
    CHECK(bucket.get_int("milk").status() == Status::dead);
    CHECK(bucket.stop(reason).status() == Status::dead);
    const Bucket next = registry.create("shopping").value();
    CHECK(next != bucket);
    CHECK(!next.get("milk").value());
}

TEST(removes_buckets_on_exit) { removes(Reason::normal); }
TEST(removes_bucket_on_crash) { removes(Reason::crash); }
TEST(removes_bucket_on_shutdown) { removes(Reason::shutdown); }

TEST(finds_a_registry_by_its_name) {
    Bucket bucket;
    {
        const Registry first = Registry::start("KV.Registry").value();
        const Registry second = Registry::start("KV.Registry").value();
        CHECK_EQ(second.id(), first.id());
        bucket = first.create("shopping").value();
        CHECK(second.lookup("shopping").value() == bucket);
        const auto found = Registry::find("KV.Registry").value();
        CHECK(found && found->id() == first.id() && !found->owns());
        CHECK(found->name().value() == "KV.Registry");
        CHECK(Registry::start().value().name().value() == std::nullopt);
        CHECK(Registry::find(std::string(KVREG_NAME_MAX + 1, 'x')).status() == Status::invalid_argument);
    }
    CHECK(!Registry::find("KV.Registry").value());
    CHECK(Registry::attach(7).name().status() == Status::bad_handle);
    CHECK(!bucket.alive());
    const Registry third = Registry::start("KV.Registry").value();
    CHECK(third.owns());
    CHECK(third.lookup("shopping").value() == std::nullopt);
}

int main() {
    RUN(stores_values_by_key);
    RUN(deletes_a_key);
    RUN(spawns_buckets);
    RUN(an_existing_name_gives_the_same_bucket);
    RUN(removes_buckets_on_exit);
    RUN(removes_bucket_on_crash);
    RUN(removes_bucket_on_shutdown);
    RUN(finds_a_registry_by_its_name);
    return check_end();
}
