// Supervisors, workers, stats and the log of kvreg.hpp.
// flags: -pthread
#include "kvreg.hpp"

#include "../c/check.h"

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;
using kvreg::LogLevel;
using kvreg::Registry;
using kvreg::Restart;
using kvreg::State;
using kvreg::Status;
using kvreg::Strategy;
using kvreg::Supervisor;
using kvreg::SupervisorOptions;
using kvreg::Worker;
using kvreg::WorkerOptions;

template <class So> static void until(So so) {
    while (!so()) std::this_thread::yield();
}

TEST(what_a_worker_throws_is_its_failure) {
    const Supervisor supervisor = Supervisor::start().value();
    std::atomic<int> runs{0};
    auto held = std::make_shared<int>(1);
    WorkerOptions options;
    options.name = "till";
    const Worker worker = supervisor.add(options, [&runs, held](Worker self) {
        if (runs++ == 0) throw std::runtime_error("on purpose");
        while (self.sleep(1h)) {}
        CHECK(self.told());
    }).value();
    until([&] { return runs == 2; });
    const kvreg_worker_info info = worker.stats().value();
    CHECK(info.status == KVREG_FAILED && info.restarts == 1 && info.state == KVREG_STATE_RUNNING);
    CHECK(worker.name().value() == "till" && supervisor.children().value() == std::vector{worker.id()});
    CHECK(held.use_count() == 2 && !worker.told());
    CHECK(supervisor.describe().value().find("\n  worker till: running, permanent, restarts 1, status -20\n") !=
          std::string::npos);
    CHECK(worker.stop() && held.use_count() == 1 && worker.stop().status() == Status::dead);
    CHECK(supervisor.stats().value().children == 0);
}

// Nothing, a number, a Status and a Result.
TEST(what_a_worker_may_give) {
    const Supervisor supervisor = Supervisor::start({"all", Strategy::one_for_one, 100}).value();
    WorkerOptions once;
    once.restart = Restart::transient;
    const std::vector<Worker> workers = {
        supervisor.add(once, [](Worker) {}).value(),
        supervisor.add(once, [](Worker) { return 0; }).value(),
        supervisor.add(once, [](Worker) { return Status::ok; }).value(),
        supervisor.add(once, [n = 0](Worker) mutable { return n++ == 0 ? kvreg::Result<int>(Status::io) : 1; }).value(),
    };
    until([&] { return supervisor.stats().value().children == 0; });
    CHECK(supervisor.stats().value().restarts == 1);
    for (const Worker worker : workers) CHECK(worker.stats().status() == Status::dead);
}

// A number that is not 0 is a failure, however large.
TEST(large_numbers_are_failures) {
    const Supervisor supervisor = Supervisor::start({"all", Strategy::one_for_one, 100}).value();
    const auto gives = [&](auto number) {
        WorkerOptions options;
        options.restart = Restart::transient;
        std::atomic<int> runs{0};
        const Worker worker = supervisor.add(options, [&runs, number](Worker self) -> decltype(number) {
            if (runs++ == 0) return number;
            self.sleep();
            return 0;
        }).value();
        until([&] { return runs == 2; });
        const int status = worker.stats().value().status;
        CHECK(worker.stop());
        return status;
    };
    CHECK_EQ(gives(std::int64_t{1} << 32), KVREG_FAILED);
    CHECK_EQ(gives(~std::uint64_t{0}), -1);
    CHECK_EQ(gives(static_cast<signed char>(-3)), -3);
    CHECK_EQ(gives(std::uint32_t{1} << 31), INT32_MIN);
}

TEST(a_tree_ends_itself) {
    std::atomic<int> running{0};
    const auto work = [&running](Worker worker) {
        running++;
        worker.sleep();
        running--;
    };
    {
        const Supervisor shop = Supervisor::start().value();
        SupervisorOptions options;
        options.strategy = Strategy::rest_for_one;
        const Supervisor kitchen = shop.add_supervisor(options).value();
        CHECK(kitchen.add(work) && kitchen.add(work) && shop.add(work));
        until([&] { return running == 3; });
        shop.add_supervisor().value().release(); // left to the shop
        CHECK(shop.stats().value().running == 3 && kitchen.stats().value().strategy == KVREG_STRATEGY_REST_FOR_ONE);
        Supervisor moved = shop.add_supervisor().value();
        const Supervisor taken = std::move(moved);
        CHECK(moved.stats().status() == Status::bad_handle && taken.wait(0ms).status() == Status::timed_out);
    }
    CHECK(running == 0);
}

TEST(a_supervisor_gives_up) {
    SupervisorOptions options;
    options.max_restarts = 1;
    options.window = 1h;
    const Supervisor supervisor = Supervisor::start(options).value();
    CHECK(supervisor.add([](Worker) { return 7; }));
    CHECK(supervisor.wait().value() == State::failed && supervisor.stats().value().state == KVREG_STATE_FAILED);
    CHECK(supervisor.add([](Worker) {}).status() == Status::stopped);
    CHECK(supervisor.stop() && supervisor.wait().status() == Status::stopped);
}

TEST(bad_arguments) {
    SupervisorOptions options;
    options.window = -1ms;
    CHECK(Supervisor::start(options).status() == Status::invalid_argument);
    CHECK(Supervisor().add([](Worker) {}).status() == Status::bad_handle);
    CHECK(Supervisor().add_supervisor().status() == Status::bad_handle);
    CHECK(Worker().stop().status() == Status::bad_handle && !Worker().sleep());
}

TEST(stats_and_log) {
    const Registry registry = Registry::start().value();
    registry.create("shopping").value();
    CHECK(registry.stats().value().names == 1 && registry.stats().value().state == KVREG_STATE_RUNNING);
    CHECK(registry.describe().value().rfind("state running\nnames 1\n", 0) == 0);
    std::mutex mutex;
    std::vector<std::pair<LogLevel, std::string>> lines;
    auto held = std::make_shared<int>(1);
    CHECK(kvreg::set_log(LogLevel::warn, [&, held](LogLevel level, std::string_view text) {
        const std::lock_guard lock(mutex);
        lines.emplace_back(level, text);
        throw std::runtime_error("nobody hears it");
    }));
    {
        SupervisorOptions options;
        options.max_restarts = 0;
        const Supervisor supervisor = Supervisor::start(options).value();
        CHECK(supervisor.add([](Worker) { return 7; }) && supervisor.wait());
        until([&] {
            const std::lock_guard lock(mutex);
            return lines.size() == 2;
        });
    }
    CHECK(lines[0].first == LogLevel::warn && lines[0].second == "supervisor: worker worker failed with status 7");
    CHECK(lines[1].first == LogLevel::error && kvreg::clear_log());
    until([&] { return held.use_count() == 1; });
}

int main() {
    RUN(what_a_worker_throws_is_its_failure);
    RUN(what_a_worker_may_give);
    RUN(large_numbers_are_failures);
    RUN(a_tree_ends_itself);
    RUN(a_supervisor_gives_up);
    RUN(bad_arguments);
    RUN(stats_and_log);
    return check_end();
}
