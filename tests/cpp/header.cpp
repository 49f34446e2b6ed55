// kvreg.h and kvreg.hpp stand alone, may be included twice and in any order.
#include "kvreg.hpp"
#include "kvreg.h"
#include "kvreg.hpp"
#include "kvreg.h"

#include "../c/check.h"

// What a user relies on without saying so.
static_assert(std::is_trivially_copyable_v<kvreg::Bucket> && sizeof(kvreg::Bucket) == sizeof(kvreg_bucket));
static_assert(std::is_nothrow_default_constructible_v<kvreg::Bucket>);
static_assert(!std::is_convertible_v<kvreg_bucket, kvreg::Bucket>, "a number is a bucket only if somebody says so");
static_assert(!std::is_copy_constructible_v<kvreg::Registry> && !std::is_copy_assignable_v<kvreg::Registry>);
static_assert(std::is_nothrow_move_constructible_v<kvreg::Registry>);
static_assert(std::is_nothrow_move_assignable_v<kvreg::Registry>);
static_assert(!std::is_default_constructible_v<kvreg::Registry>, "a registry is started or attached to");
static_assert(!std::is_copy_constructible_v<kvreg::Value> && !std::is_copy_assignable_v<kvreg::Value>);
static_assert(std::is_nothrow_move_constructible_v<kvreg::Value> && std::is_nothrow_move_assignable_v<kvreg::Value>);
static_assert(!std::is_convertible_v<kvreg::Result<bool>, bool>, "a Result is no answer until it was asked for it");
static_assert(!std::is_convertible_v<kvreg::Status, int>);

// What can be put: nothing turns into a bool or a number on its way.
template <class T, class = void> constexpr bool can_put = false;
template <class T>
constexpr bool can_put<T, std::void_t<decltype(std::declval<kvreg::Bucket>().put("key", std::declval<T>()))>> = true;
enum Unscoped { one };
enum class Scoped { one };
struct Convertible {
    operator bool() const { return true; }
};
static_assert(can_put<bool> && can_put<char> && can_put<short> && can_put<unsigned> && can_put<long long>);
static_assert(can_put<std::size_t> && can_put<float> && can_put<double> && can_put<std::nullptr_t>);
static_assert(can_put<const char *> && can_put<char *> && can_put<const char (&)[5]> && can_put<std::string>);
static_assert(can_put<std::string_view> && can_put<kvreg::Bytes> && can_put<const kvreg::Value &>);
static_assert(!can_put<int *> && !can_put<const void *> && !can_put<const unsigned char *>);
static_assert(!can_put<void (*)()> && !can_put<Scoped> && !can_put<Convertible> && !can_put<std::optional<int>>);
static_assert(!can_put<Unscoped>, "an enumerator must be turned into a number on purpose");

TEST(versions_agree) { CHECK(std::string(kvreg::version()) == KVREG_VERSION); }

TEST(every_status_has_a_name) {
    for (kvreg_status code = KVREG_OK; code >= KVREG_UNSUPPORTED; code--) {
        const auto status = static_cast<kvreg::Status>(code);
        CHECK(std::string(kvreg::name(status)) == kvreg_status_name(code));
        CHECK(std::string(kvreg::message(status)) == kvreg_status_message(code));
    }
    CHECK(std::string(name(kvreg::Status::out_of_range)) == "KVREG_OUT_OF_RANGE");
    CHECK(std::string(name(kvreg::Status::not_found)) == "KVREG_NOT_FOUND");
}

int main() {
    RUN(versions_agree);
    RUN(every_status_has_a_name);
    return check_end();
}
