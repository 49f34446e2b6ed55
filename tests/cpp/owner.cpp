// Owners, access and the directory in kvreg.hpp.
#include "kvreg.hpp"

#include "../c/check.h"

#include <atomic>
#include <string>
#include <thread>
#include <unordered_set>

using kvreg::Access;
using kvreg::Bucket;
using kvreg::Entry;
using kvreg::Owner;
using kvreg::OwnerRef;
using kvreg::Registry;
using kvreg::Status;

TEST(a_bucket_ends_with_its_owner) {
    const Registry registry = Registry::start().value();
    Bucket cart;
    {
        const Owner session = Owner::open().value();
        const auto made = registry.create_with("cart", {session}).value();
        CHECK(made.created && !registry.create_with("cart", {session}).value().created);
        cart = made.bucket;
        CHECK(cart.owner().value() == session && session.count().value() == 1);
    }
    CHECK(!cart.alive() && !registry.lookup("cart").value());
    Owner closed = Owner::open().value();
    const OwnerRef gone = closed;
    CHECK(gone.alive() && closed.close() && !gone.alive());
    CHECK(closed.close().status() == Status::dead);
    CHECK(registry.create_with("new", {gone}).status() == Status::dead && !registry.lookup("new").value());
    CHECK(Owner().count().status() == Status::bad_handle);
}

TEST(a_gift_and_an_heir) {
    const Registry registry = Registry::start().value();
    Owner first = Owner::open().value(), second = Owner::open().value();
    const Bucket bucket = registry.create_with("b", {first, second}).value().bucket;
    const Bucket plain = registry.create("plain").value();
    CHECK(!plain.owner().value() && plain.give(first) && plain.set_heir(second) && plain.set_heir({}));
    CHECK(first.close());
    CHECK(!plain.alive() && bucket.owner().value() == second);
    CHECK(bucket.give({}) && second.close() && bucket.alive());
    CHECK(bucket.give(second).status() == Status::dead);
}

TEST(a_thread_has_an_owner) {
    const Registry registry = Registry::start().value();
    Bucket bucket;
    std::thread([&] {
        const OwnerRef own = OwnerRef::of_thread().value();
        CHECK(own == OwnerRef::of_thread().value());
        bucket = registry.create_with("b", {own}).value().bucket;
        CHECK(bucket.alive());
        // It can be ended before its thread, which then has another.
        CHECK(own.close() && !own.alive() && own.close().status() == Status::dead);
        CHECK(!bucket.alive());
        bucket = registry.create_with("b", {OwnerRef::of_thread().value()}).value().bucket;
        CHECK(OwnerRef::of_thread().value() != own && bucket.alive());
    }).join();
    CHECK(!bucket.alive());
    CHECK(OwnerRef().close().status() == Status::bad_handle);
}

TEST(a_handle_does_what_it_may) {
    const Registry registry = Registry::start().value();
    const Bucket full = registry.create_with("p", {{}, {}, Access::private_access}).value().bucket;
    CHECK(full.put("k", 1));
    const Bucket sealed = *registry.lookup("p").value(), reader = full.reader().value();
    CHECK(sealed != full && reader != full && sealed.same(full).value() && reader.same(sealed).value());
    CHECK(sealed.get("k").status() == Status::access_denied && sealed.name().value() == "p");
    CHECK(sealed.reader().status() == Status::access_denied);
    CHECK(reader.get_int("k").value() == 1 && reader.put("k", 2).status() == Status::access_denied);
    CHECK(reader.stop().status() == Status::access_denied && reader.give({}).status() == Status::access_denied);
    CHECK(registry.snapshot().value().get_in("p", "k").status() == Status::access_denied);
    const Bucket shown = registry.create_with("q", {{}, {}, Access::protected_access}).value().bucket;
    CHECK(registry.create("q").value().put("k", 1).status() == Status::access_denied && shown.put("k", 1));
    CHECK(!shown.same(full).value() && shown.same(Bucket()).status() == Status::bad_handle);
}

struct Worker {
    explicit Worker(int number) : number(number) { living++; }
    ~Worker() { living--; }
    Worker(const Worker &) = delete;
    int number;
    static std::atomic<int> living;
};
std::atomic<int> Worker::living{0};

static std::shared_ptr<Worker> worker(int number) { return std::make_shared<Worker>(number); }

TEST(what_is_registered_is_found_and_kept) {
    std::shared_ptr<Worker> kept;
    {
        const Registry registry = Registry::start().value();
        const auto first = registry.register_object("worker", "a", worker(1)).value();
        CHECK(first.added && first.entry.alive());
        const auto again = registry.register_object("worker", "a", worker(2)).value();
        CHECK(!again.added && again.entry == first.entry && Worker::living == 1);
        kept = registry.whereis<Worker>("worker", "a").value().value();
        CHECK(kept->number == 1 && kept == first.entry.object<Worker>().value());
        CHECK(!registry.whereis<Worker>("worker", "b").value());
        CHECK(registry.whereis<std::string>("worker", "a").status() == Status::wrong_type);
        CHECK(registry.register_object("text", "a", std::make_shared<const std::string>("x")).value().added);
        CHECK(**registry.whereis<const std::string>("text", "a").value() == "x");
        CHECK(registry.whereis<std::string>("text", "a").status() == Status::wrong_type);
        CHECK(first.entry.unregister() && first.entry.unregister().status() == Status::dead);
        CHECK(Worker::living == 1 && kept->number == 1);
        CHECK(registry.register_object("worker", "b", worker(3)) && Worker::living == 2);
        const Owner owner = Owner::open().value();
        CHECK(registry.register_object("worker", "c", worker(4), {owner}).value().added && Worker::living == 3);
    }
    CHECK(Worker::living == 1);
    kept.reset();
    CHECK(Worker::living == 0);
    CHECK(Entry().object<Worker>().status() == Status::bad_handle);
}

static int plain_object;

TEST(a_function_is_called_for_each) {
    const Registry registry = Registry::start().value();
    const Owner owner = Owner::open().value();
    std::vector<Entry> entries;
    for (int i = 0; i < 10; i++) entries.push_back(registry.register_object("w", "k", worker(i), {owner, true})->entry);
    CHECK(registry.register_object("w", "k", std::make_shared<int>(7), {{}, true}).value().added);
    const kvreg_object foreign = {&plain_object, nullptr, nullptr};
    kvreg_register_options duplicate = KVREG_REGISTER_OPTIONS_INIT;
    duplicate.flags = KVREG_REGISTER_DUPLICATE;
    kvreg_entry out = 0;
    CHECK_EQ(kvreg_register(registry.id(), "w", 1, "k", 1, &foreign, &duplicate, &out), KVREG_OK);
    CHECK(Entry(out).object<Worker>().status() == Status::wrong_type);

    int next = 0;
    const auto count = registry.dispatch<Worker>("w", "k", [&](Entry entry, const std::shared_ptr<Worker> &worker) {
        CHECK(worker->number == next && entry == entries[static_cast<std::size_t>(next)]);
        CHECK(entry.unregister());
        next++;
    });
    CHECK(count.value() == 10 && Worker::living == 0);
    CHECK(registry.entries("w", "k").value().size() == 2 && registry.entries("w", "none").value().empty());
    CHECK(registry.dispatch<int>("w", "k", [](Entry, const std::shared_ptr<int> &seven) { CHECK(*seven == 7); }).value() == 1);
    bool caught = false;
    try {
        (void)registry.dispatch<int>("w", "k", [](Entry, const auto &) { throw std::string("out"); });
    } catch (const std::string &what) {
        caught = what == "out";
    }
    CHECK(caught);
    std::unordered_set<Entry> hashed(entries.begin(), entries.end());
    CHECK_EQ(hashed.size(), 10);
}

int main() {
    RUN(a_bucket_ends_with_its_owner);
    RUN(a_gift_and_an_heir);
    RUN(a_thread_has_an_owner);
    RUN(a_handle_does_what_it_may);
    RUN(what_is_registered_is_found_and_kept);
    RUN(a_function_is_called_for_each);
    return check_end();
}
