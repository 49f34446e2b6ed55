// Subscriptions, monitors and handlers of kvreg.hpp, and the guide's tests about events.
// flags: -pthread
#define KVREG_CPP_EXCEPTIONS
#include "kvreg.hpp"

#include "../c/check.h"

#include <memory>
#include <poll.h>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;
using namespace std::literals;
using kvreg::Bucket;
using kvreg::Event;
using kvreg::EventKind;
using kvreg::EventView;
using kvreg::Events;
using kvreg::From;
using kvreg::Handler;
using kvreg::HandlerOptions;
using kvreg::Mode;
using kvreg::Of;
using kvreg::Overflow;
using kvreg::Reason;
using kvreg::Registry;
using kvreg::Status;
using kvreg::SubscribeOptions;
using kvreg::Subscription;

/// The next event, which must come.
static Event take(const Subscription &subscription) {
    auto event = subscription.next(60s).value();
    CHECK(event.has_value());
    return event ? std::move(*event) : Event();
}

static bool is(const Event &event, EventKind kind, std::string_view name) {
    return event.kind() == kind && event.name() == name;
}

// The guide's "sends events on create and crash".
TEST(sends_events_on_create_and_crash) {
    auto registry = Registry::start().value();
    auto subscription = registry.subscribe().value();
    const Bucket bucket = registry.create("shopping").value();
    CHECK(is(take(subscription), EventKind::create, "shopping"));
    bucket.crash("no milk").value();
    Event event = take(subscription);
    CHECK(is(event, EventKind::exit, "shopping") && event.bucket() == bucket && event.revision() == 2);
    CHECK(event.reason() == Reason::crash && event.message() == "no milk");
    CHECK(event.lost() == 0 && event.monitor() == kvreg::Monitor());
    CHECK(!subscription.next(0ms).value());
    subscription.close().value();
    CHECK(subscription.next().status() == Status::dead);
    // It outlives both.
    registry.stop().value();
    const Event kept = std::move(event);
    CHECK(kept.name() == "shopping" && event.kind() == EventKind::none && event.name().empty());
}

// The guide's "removes buckets on exit" and "removes bucket on crash", as its events tell.
TEST(removes_buckets_on_exit_and_on_crash) {
    auto registry = Registry::start().value();
    const auto subscription = registry.subscribe({Events::exits}).value();
    for (const Reason reason : {Reason::normal, Reason::shutdown, Reason::killed, Reason::crash}) {
        registry.create("shopping").value().stop(reason).value();
        const Event event = take(subscription);
        CHECK(is(event, EventKind::exit, "shopping") && event.reason() == reason && event.message().empty());
        CHECK(!registry.lookup(event.name()).value() && !event.bucket().alive());
    }
}

// The guide's "monitors existing entries".
TEST(monitors_existing_entries) {
    auto registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    SubscribeOptions options;
    options.events = Events::none;
    const auto subscription = registry.subscribe(options).value();
    const auto monitor = bucket.monitor(subscription).value(), other = bucket.monitor(subscription).value();
    CHECK(monitor != other);
    CHECK(other.cancel().value());
    bucket.stop(Reason::killed).value();
    const Event event = take(subscription);
    CHECK(is(event, EventKind::down, "shopping") && event.monitor() == monitor && event.reason() == Reason::killed);
    CHECK(!monitor.cancel().value());
    CHECK(kvreg::Monitor().cancel().status() == Status::bad_handle);
    CHECK(!subscription.next(0ms).value());
    CHECK(bucket.monitor(subscription));
    CHECK(take(subscription).reason() == Reason::killed);
    auto elsewhere = Registry::start().value();
    CHECK(elsewhere.create("shopping").value().monitor(subscription).status() == Status::invalid_argument);
}

TEST(a_loop_ends_with_the_registry) {
    auto registry = Registry::start().value();
    auto subscription = registry.subscribe().value();
    std::thread writer([&] {
        for (int i = 0; i < 100; i++) registry.create(std::to_string(i)).value();
        registry.stop().value();
    });
    int creates = 0, exits = 0;
    for (auto &event : subscription.events()) {
        CHECK(event.revision() == static_cast<std::uint64_t>(creates + exits + 1));
        (event.kind() == EventKind::create ? creates : exits)++;
    }
    writer.join();
    CHECK(creates == 100 && exits == 100);
    CHECK(subscription.next().status() == Status::stopped);
    subscription.close().value();
    try {
        for (auto &event : subscription.events()) CHECK(event.name().empty());
        CHECK(false);
    } catch (const kvreg::Error &error) {
        CHECK(error.status() == Status::dead);
    }
}

TEST(options_choose) {
    auto registry = Registry::start().value();
    const Bucket first = registry.create("user/1").value();
    const auto before = registry.snapshot().value();
    SubscribeOptions options;
    options.of = Of::prefix("user/");
    options.from = From::revision(0);
    const auto by_prefix = registry.subscribe(options);
    CHECK(by_prefix.status() == Status::out_of_range); // nobody has listened, so nothing is remembered
    options.from = From::snapshot(before);
    const auto users = registry.subscribe(options).value();
    options.of = Of::bucket(first);
    const auto one = registry.subscribe(options).value();
    options.of = Of::name("user/2");
    options.capacity = 1;
    const auto named = registry.subscribe(options).value();
    options.overflow = Overflow::disconnect;
    const auto ending = registry.subscribe(options).value();
    const Bucket second = registry.create("user/2").value();
    registry.create("host").value();
    first.stop().value(), second.stop().value();
    CHECK(users.count().value() == 3 && one.count().value() == 1 && named.count().value() == 1);
    CHECK(is(take(one), EventKind::exit, "user/1"));
    const Event gap = take(named);
    CHECK(gap.kind() == EventKind::lost && gap.lost() == 1 && !gap.reason() && gap.bucket() == Bucket());
    CHECK(is(take(named), EventKind::exit, "user/2"));
    CHECK(is(take(ending), EventKind::create, "user/2"));
    CHECK(take(ending).kind() == EventKind::lost);
    CHECK(ending.next().status() == Status::stopped);
    const auto now = users.snapshot().value();
    CHECK(now.count().value() == 1 && users.count().value() == 0);
    options.capacity = 0;
    CHECK(registry.subscribe(options).status() == Status::invalid_argument);
    options.capacity = 1;
    options.overflow = Overflow::block;
    options.block = -1ms;
    CHECK(registry.subscribe(options).status() == Status::invalid_argument);
    options.block = kvreg::for_ever;
    CHECK(registry.subscribe(options));
    CHECK(users.next(-1ms).status() == Status::invalid_argument);
    CHECK(Registry::attach(0).subscribe().status() == Status::bad_handle);
}

TEST(subscriptions_move_and_poll) {
    auto registry = Registry::start().value();
    Subscription first = registry.subscribe().value();
    Subscription second = std::move(first);
    CHECK(first.id() == 0 && first.fd().status() == Status::bad_handle);
    pollfd poll_fd{second.fd().value(), POLLIN, 0};
    CHECK(poll(&poll_fd, 1, 0) == 0);
    std::thread writer([&] { registry.create("shopping").value(); });
    CHECK(poll(&poll_fd, 1, 60000) == 1);
    writer.join();
    CHECK(is(take(second), EventKind::create, "shopping"));
    const kvreg_subscription id = second.id();
    second = Subscription();
    std::uint64_t count = 0;
    CHECK(kvreg_subscription_count(id, &count) == KVREG_DEAD);
}

TEST(a_thread_is_lent_to_a_function) {
    auto registry = Registry::start().value();
    auto subscription = registry.subscribe().value();
    for (const char *name : {"a", "b", "c", "d"}) registry.create(name).value();
    std::string seen;
    subscription.dispatch([&](const EventView &event) {
        seen += event.name();
        return event.name() != "b";
    }).value();
    CHECK(seen == "ab");
    try {
        (void)subscription.dispatch([](const EventView &) { throw std::runtime_error("mine"); });
        CHECK(false);
    } catch (const std::runtime_error &error) {
        CHECK(error.what() == "mine"sv);
    }
    CHECK(subscription.dispatch([&](const EventView &event) { seen += event.name(); }, 0ms).status() ==
          Status::timed_out);
    CHECK(seen == "abd");
    registry.stop().value();
    int exits = 0;
    CHECK(subscription.dispatch([&](const EventView &) { exits++; }).status() == Status::stopped);
    CHECK(exits == 4);
}

TEST(handlers_are_called_and_removed) {
    auto registry = Registry::start().value();
    const auto counted = std::make_shared<int>(0);
    {
        const Handler handler = registry.on([counted](const EventView &event) {
            ++*counted;
            if (event.kind() == EventKind::create) event.bucket().put("seen", true).value();
        }).value();
        CHECK(registry.create("shopping").value().get_bool("seen").value() == true);
        CHECK(*counted == 1 && counted.use_count() == 2);
    }
    CHECK(counted.use_count() == 1);
    registry.create("more").value();
    CHECK(*counted == 1);
    // A function that can only be moved, on a thread of its own.
    HandlerOptions options;
    options.mode = Mode::async;
    options.of = Of::name("here");
    auto only = std::make_unique<int>(0);
    int *calls = only.get();
    const auto handler = registry.on(options, [only = std::move(only)](const EventView &) { ++*only; }).value();
    registry.create("there").value();
    registry.create("here").value();
    registry.sync(60s).value();
    CHECK(*calls == 1);
    handler.close().value();
    CHECK(handler.close().status() == Status::dead);
}

TEST(a_failure_and_an_exception_end_a_handler) {
    auto registry = Registry::start().value();
    int thrown = 0, failed = 0, kept = 0;
    const auto throws = registry.on([&](const EventView &) {
        thrown++;
        throw 7;
    }).value();
    const auto fails = registry.on([&](const EventView &) {
        failed++;
        return Status::io;
    }).value();
    HandlerOptions options;
    options.keep = true;
    const auto keeps = registry.on(options, [&](const EventView &event) {
        kept++;
        return registry.lookup(event.name()).value() ? kvreg::Result<int>(Status::failed) : 1;
    }).value();
    for (const char *name : {"a", "b", "c"}) registry.create(name).value();
    CHECK(thrown == 1 && failed == 1 && kept == 3);
    CHECK(throws.close().status() == Status::dead && fails.close().status() == Status::dead);
    keeps.close().value();
    const auto held = std::make_shared<int>(0);
    options.capacity = 0;
    CHECK(registry.on(options, [held](const EventView &) {}).status() == Status::invalid_argument);
    CHECK(held.use_count() == 1);
    const std::function<void(const EventView &)> erased = [&](const EventView &) { kept++; };
    const auto erases = registry.on(erased).value();
    registry.create("d").value();
    CHECK(kept == 4);
    CHECK(registry.on([&](const EventView &) { CHECK(registry.sync().status() == Status::deadlock); }));
    CHECK(registry.sync(-1s).status() == Status::invalid_argument);
}

TEST(owners_end_what_listens) {
    auto registry = Registry::start().value();
    const auto owner = kvreg::Owner::open().value();
    SubscribeOptions subscribed;
    subscribed.owner = owner;
    HandlerOptions handled;
    handled.owner = owner;
    const auto subscription = registry.subscribe(subscribed).value();
    const auto handler = registry.on(handled, [](const EventView &) {}).value();
    owner.close().value();
    CHECK(subscription.count().status() == Status::dead && handler.close().status() == Status::dead);
}

int main() {
    RUN(sends_events_on_create_and_crash);
    RUN(removes_buckets_on_exit_and_on_crash);
    RUN(monitors_existing_entries);
    RUN(a_loop_ends_with_the_registry);
    RUN(options_choose);
    RUN(subscriptions_move_and_poll);
    RUN(a_thread_is_lent_to_a_function);
    RUN(handlers_are_called_and_removed);
    RUN(a_failure_and_an_exception_end_a_handler);
    RUN(owners_end_what_listens);
    return check_end();
}
