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

int main() {
    RUN(the_value_of_a_failure_ends_the_process);
    RUN(all_the_rest_works);
    return check_end();
}
