// Without exceptions and run-time types: everything works, and the value of a failed call ends the process with a line
// that says why.
// flags: -fno-exceptions -fno-rtti
#include "kvreg.hpp"

#include "../c/check.h"

#include <sys/wait.h>
#include <unistd.h>

using kvreg::Bucket;
using kvreg::Registry;
using kvreg::Result;
using kvreg::Status;

/// Runs `call` in a child, which must end by abort() with this one line on stderr.
template <class Call> static void aborts(Call call, Status status) {
    int words[2];
    REQUIRE(pipe(words) == 0);
    std::fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(words[1], STDERR_FILENO);
        close(words[0]);
        call();
        _exit(0);
    }
    close(words[1]);
    std::string said;
    char part[256];
    for (ssize_t len; (len = read(words[0], part, sizeof part)) > 0;) said.append(part, static_cast<std::size_t>(len));
    close(words[0]);
    int ended = 0;
    REQUIRE(pid > 0 && waitpid(pid, &ended, 0) == pid);
    CHECK(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT);
    const std::string line = std::string("kvreg: the value of a failed call was used: ") + kvreg::name(status) + ": " +
                             kvreg::message(status) + "\n";
    CHECK_BYTES(said.data(), said.size(), line.data(), line.size());
}

TEST(the_value_of_a_failure_ends_the_process) {
    aborts([] { (void)Bucket().get("milk").value(); }, Status::bad_handle);
    aborts([] { (void)*Bucket().get_int("milk"); }, Status::bad_handle);
    aborts([] { (void)Bucket().name()->size(); }, Status::bad_handle);
    aborts([] { Bucket().put("milk", 1).value(); }, Status::bad_handle);
    aborts([] { *Bucket().put("milk", UINT64_MAX); }, Status::out_of_range);
    aborts([] { (void)Registry::attach(0).names().value(); }, Status::bad_handle);
    aborts(
        [] {
            const Result<std::string> failed(Status::corrupt);
            (void)failed.value();
        },
        Status::corrupt);
}

TEST(all_the_rest_works) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    CHECK(bucket.put("milk", 1) && bucket.put("eggs", "a dozen") && bucket.put("raw", kvreg::Bytes{"\xff", 1}));
    CHECK(bucket.put("nil", nullptr) && bucket.put("truth", true) && bucket.put("half", 0.5));
    CHECK(bucket.get_int("milk").value() == 1);
    CHECK(bucket.get_string("eggs").value() == "a dozen");
    CHECK(bucket.get_bytes("raw").value()->size() == 1);
    CHECK(bucket.get_bool("truth").value() == true);
    CHECK(bucket.get_float("half").value() == 0.5);
    CHECK(bucket.get("nil").value()->is_nil());
    CHECK(!bucket.get("bread").value());
    CHECK_EQ(bucket.items().value().size(), 6);
    CHECK_EQ(registry.names().value().size(), 1);
    CHECK(registry.lookup("shopping").value() == bucket);
    CHECK(bucket.stop() && !registry.lookup("shopping").value());
    CHECK(bucket.get("milk").status() == Status::dead);
}

TEST(a_loop_over_a_closed_snapshot_ends_the_process) {
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    for (int i = 0; i < 10; i++) CHECK(bucket.put(std::to_string(i), i));
    const kvreg::Snapshot snapshot = bucket.snapshot().value();
    auto items = snapshot.items().value();
    auto at = items.begin();
    CHECK(at != items.end() && snapshot.close());
    aborts([&] { ++at; }, Status::dead);
    aborts([&] { (void)snapshot.items().value(); }, Status::dead);
}

TEST(changes_and_snapshots_work) {
    using kvreg::Update;
    using kvreg::ValueView;
    const Registry registry = Registry::start().value();
    const Bucket bucket = registry.create("shopping").value();
    CHECK(bucket.put_new("milk", 1).value() && !bucket.put_new("milk", 2).value());
    CHECK(bucket.update("milk", [](std::optional<ValueView> old) { return Update::put(*old->as_int() + 1); }));
    CHECK(bucket.update("milk", [](auto) { return Update::put(UINT64_MAX); }).status() == Status::out_of_range);
    CHECK(bucket.add("milk").value() == 3 && bucket.swap("milk", "text").value()->as_int() == 3);
    CHECK(bucket.take("milk").value()->as_string() == "text");
    CHECK(bucket.put_many({{"milk", 1}, {"eggs", "a dozen"}}).value() == 2);
    const kvreg::Batch batch = registry.batch().value();
    CHECK(batch.put(registry.create("work").value(), "milk", 2) && batch.erase(bucket, "eggs"));
    const kvreg::Snapshot then = registry.snapshot().value();
    CHECK(batch.commit());
    const kvreg::Snapshot shopping = then.bucket("shopping").value().value();
    std::size_t items = 0, names = 0;
    for (const auto &[key, value] : shopping.items().value()) items += key.size() + (value.is_nil() ? 1 : 0);
    for (const auto &[name, found] : then.names().value()) names += name.size() + (found == bucket ? 1 : 0);
    CHECK(items == 8 && names == 13);
    CHECK(bucket.get_many({"milk", "eggs"}).value()[1] == std::nullopt && bucket.clear().value() == 1);
}

int main() {
    RUN(the_value_of_a_failure_ends_the_process);
    RUN(a_loop_over_a_closed_snapshot_ends_the_process);
    RUN(changes_and_snapshots_work);
    RUN(all_the_rest_works);
    return check_end();
}
