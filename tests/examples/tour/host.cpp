// host.cpp - the host of the tour: one process in which C++, C and Python share one registry.
//
//   host <dpkg status or Cargo.lock> <Python's home> <folder of its modules> <questions.py> <file for the results>
//
// Everything it shows it also checks; its exit code says whether all was as promised.
#include "interpreter.hpp"

#define KVREG_CPP_EXCEPTIONS
#include "kvreg.hpp"

#include "packages.hpp"
#include "profiler.h"
#include "reader.h"
#include "terminal.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <fstream>
#include <memory>
#include <thread>

namespace {

using tour::grouped;

constexpr int reader_threads = 2;

// What the program that started this one shows at the end, and draws.
std::ofstream results;
int failures = 0;

void check(bool good, const std::string &promise) {
    if (good) return;
    failures += 1;
    std::printf("   NOT SO: %s\n", promise.c_str());
}

class Clock {
public:
    double milliseconds() const {
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct Readers {
    explicit Readers(tour_readers *started) : all(started) {
        if (all == nullptr) throw std::runtime_error("the reader threads cannot be started");
    }
    ~Readers() {
        tour_readers_end(all);
        tour_readers_free(all);
    }
    Readers(const Readers &) = delete;
    Readers &operator=(const Readers &) = delete;

    tour_readers *all;
};

void fill(const kvreg::Bucket &bucket, const tour::Package &package) {
    bucket.put("version", package.version).value();
    bucket.put("section", package.section).value();
    bucket.put("description", package.description).value();
    bucket.put("dependencies", package.dependencies).value();
    bucket.put("essential", package.essential).value();
    // Unknown is a value as well: nil.
    package.homepage ? bucket.put("homepage", *package.homepage).value() : bucket.put("homepage", nullptr).value();
    package.installed_kib ? bucket.put("installed_size", *package.installed_kib).value()
                          : bucket.put("installed_size", nullptr).value();
}

void load(const kvreg::Registry &registry, const std::vector<tour::Package> &packages, const std::string &source) {
    tour::heading(1, "C++ starts the registry \"packages\" and fills it");
    std::printf("   from %s: one bucket per package, its fields as typed values\n", source.c_str());
    tour::Progress progress("packages", packages.size());
    const Clock clock;
    for (const auto &package : packages) {
        fill(registry.create(package.name).value(), package);
        progress.step();
    }
    const double took = clock.milliseconds();
    progress.end(true);
    std::uint64_t values = 0;
    for (const auto &[name, bucket] : registry.names().value()) values += bucket.count().value();
    std::printf("   %s buckets with %s values in %.1f ms\n", grouped(registry.count().value()).c_str(),
                grouped(values).c_str(), took);
    check(registry.count().value() == packages.size(), "there is one bucket per package");
    check(values == packages.size() * 7, "each bucket has its 7 values");
    results << "buckets " << packages.size() << "\nvalues " << values << "\nload_ms " << took << '\n';
}

void tell_of_readers(const Readers &readers) {
    tour::heading(2, "C looks the same names up meanwhile");
    tour_readers_wait_round(readers.all);
    const tour_report report = tour_readers_report(readers.all);
    std::printf("   %d threads, begun before the first bucket was there: %s lookups so far, %s a second\n",
                reader_threads, grouped(report.lookups).c_str(),
                grouped(static_cast<double>(report.lookups) / report.seconds).c_str());
    std::printf("   not yet there: %s   found: %s   wrong answers: %s\n", grouped(report.not_there).c_str(),
                grouped(report.found).c_str(), grouped(report.wrong).c_str());
    check(report.not_there > 0 && report.found > 0, "the readers saw the names come");
    check(report.vanished == 0, "no name that was found went away again");
}

// Gives the name of the bucket that Python stopped.
std::string ask_python(const kvreg::Registry &registry, const std::vector<tour::Package> &packages, char **arguments) {
    tour::heading(3, "Python, in the same process, asks the same registry");
    const Clock clock;
    {
        tour::Interpreter interpreter(arguments[2], arguments[3]);
        if (!interpreter.run(arguments[4])) throw std::runtime_error("Python's part failed");
    }
    const double took = clock.milliseconds();
    const auto answers = registry.lookup("tour/answers").value();
    const auto by_section = registry.lookup("tour/largest-by-section").value();
    if (!answers || !by_section) throw std::runtime_error("C++ does not see the buckets that Python made");
    std::int64_t total = 0;
    for (const auto &package : packages) total += package.installed_kib.value_or(0);
    const auto stopped = answers->get_string("stopped").value().value_or("");
    const auto instance = std::to_string(kvreg_api_get(KVREG_ABI_MAJOR)->instance_id);
    check(answers->get_string("core_instance").value() == instance, "Python uses the host's core, not one of its own");
    check(answers->get_int("total_kib").value() == total, "Python's sum is that of C++");
    const double mean = static_cast<double>(total) / static_cast<double>(packages.size());
    check(answers->get_float("mean_kib").value() == mean, "Python's mean is that of C++, to the last bit");
    check(!registry.lookup(stopped).value(), "what Python stopped cannot be looked up any more");
    std::printf("   C++ finds them, and in them what Python wrote: sections: %s, KiB in all: %s (as C++ adds up).\n",
                grouped(by_section->count().value()).c_str(), grouped(static_cast<std::uint64_t>(total)).c_str());
    std::printf("   C++ does not find %s any more. Python was there for %.0f ms, from its start to its end.\n",
                stopped.c_str(), took);
    return stopped;
}

void end_readers(Readers &readers, const std::vector<tour::Package> &packages, const std::string &stopped) {
    // Only after a whole round can a thread be asked what it did not find.
    tour_readers_wait_round(readers.all);
    tour_readers_end(readers.all);
    const tour_report report = tour_readers_report(readers.all);
    const auto is_stopped = [&](const tour::Package &package) { return package.name == stopped; };
    const auto which = std::find_if(packages.begin(), packages.end(), is_stopped) - packages.begin();
    const double rate = static_cast<double>(report.lookups) / report.seconds;
    std::printf("\n   C to the end: %s lookups, %s a second, wrong answers: %s\n", grouped(report.lookups).c_str(),
                grouped(rate).c_str(), grouped(report.wrong).c_str());
    check(report.wrong == 0, "no answer was wrong");
    const bool seen = static_cast<std::size_t>(which) < packages.size() &&
                      tour_readers_saw_vanish(readers.all, static_cast<std::size_t>(which)) == reader_threads &&
                      report.vanished == static_cast<std::uint64_t>(reader_threads);
    check(seen, "every thread saw the stopped bucket go, and no other");
    if (seen) std::printf("   Both threads saw %s go, and nothing else.\n", stopped.c_str());
    results << "lookups " << report.lookups << "\nlookup_rate " << rate << "\nwrong " << report.wrong << '\n';
}

// The median of several runs, after one that only warms up.
double requests_per_second(const kvreg::Registry &registry, int clients, bool names_ready, int runs,
                           const char *what) {
    std::vector<double> rates;
    std::uint64_t wrong = 0;
    tour::Progress progress(what, static_cast<std::uint64_t>(runs));
    for (int i = -1; i < runs; i++) {
        tour_profile profile{};
        if (!tour_profiler_run(registry.id(), clients, names_ready, &profile)) {
            throw std::runtime_error("the profiler's threads cannot be started");
        }
        wrong += profile.wrong;
        if (i < 0) continue;
        rates.push_back(profile.per_second);
        progress.step();
    }
    progress.end(false);
    check(wrong == 0, "every request of the profiler gave the bucket of its name");
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
}

void profile() {
    tour::heading(4, "The profiler of \"Elixir in Action\"");
    std::printf("   100 names, 100,000 requests per client, 1 and 100 clients at a time; median of several runs\n");
    const auto registry = kvreg::Registry::start().value();
    if (tour_profiler_prepare(registry.id()) != KVREG_OK) throw std::runtime_error("no buckets for the profiler");
    const double made_1 = requests_per_second(registry, 1, false, 15, "runs: 1 client, names made in the loop");
    const double made_100 = requests_per_second(registry, 100, false, 5, "runs: 100 clients, names made in the loop");
    const double ready_1 = requests_per_second(registry, 1, true, 15, "runs: 1 client, names ready");
    const double ready_100 = requests_per_second(registry, 100, true, 5, "runs: 100 clients, names ready");
    const auto row = [](const char *what, const std::string &one, const std::string &hundred) {
        std::printf("     %-46s %12s   %12s\n", what, one.c_str(), hundred.c_str());
    };
    std::printf("\n");
    row("requests per second", "1 client", "100 clients");
    row("the text: through its server's mailbox", "140,000", "280,000");
    row("the text: with ETS", "-", "1,823,739");
    row("kvreg: name made in the loop, as in the text", grouped(made_1), grouped(made_100));
    row("kvreg: names ready", grouped(ready_1), grouped(ready_100));
    std::printf("\n   The text's figures are from its author's machine, these from one with %u processors: what counts\n"
                "   is the distance. Making the name takes %.0f %% of a request's time at 1 client.\n",
                std::thread::hardware_concurrency(), 100 * std::max(0.0, 1 - made_1 / ready_1));
    results << "made_1 " << made_1 << "\nmade_100 " << made_100 << "\nready_1 " << ready_1 << "\nready_100 "
            << ready_100 << '\n';
    check(registry.count().value() == TOUR_NAMES, "the profiler's requests made no bucket beyond the 100");
}

void run(char **arguments) {
    const std::vector<tour::Package> packages = tour::read_packages(arguments[1]);
    std::vector<tour_name> names;
    for (const auto &package : packages) names.push_back({package.name.data(), package.name.size()});

    auto registry = kvreg::Registry::start("packages").value();
    check(registry.owns(), "nobody else has started \"packages\" in this process");
    kvreg::Bucket first;
    {
        Readers readers(tour_readers_start(registry.id(), names.data(), names.size(), reader_threads));
        // They are to see the names missing before they see them come.
        tour_readers_wait_round(readers.all);
        load(registry, packages, arguments[1]);
        first = registry.lookup(packages.front().name).value().value();
        tell_of_readers(readers);
        const std::string stopped = ask_python(registry, packages, arguments);
        end_readers(readers, packages, stopped);
    }
    profile();
    registry.stop().value();
    check(!first.alive(), "the end of the registry is the end of its buckets");
}

} // namespace

int main(int count, char **arguments) {
    if (count != 6) {
        std::fprintf(stderr, "usage: host <packages> <home> <modules> <questions.py> <results>\n");
        return 2;
    }
    try {
        results.open(arguments[5]);
        run(arguments);
        results << "failures " << failures << '\n';
        results.flush();
        check(results.good(), "the results could be written");
    } catch (const std::exception &error) {
        std::fflush(stdout);
        std::fprintf(stderr, "   %s\n", error.what());
        return 1;
    }
    return failures == 0 ? 0 : 1;
}
