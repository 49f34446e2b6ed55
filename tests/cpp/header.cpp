// kvreg.h and kvreg.hpp stand alone, may be included twice and in any order.
#include "kvreg.hpp"
#include "kvreg.h"
#include "kvreg.hpp"
#include "kvreg.h"

#include "../c/check.h"

#if __cplusplus >= 202002L
#include <ranges>
#endif

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

// Snapshots and batches belong to one object, which knows what a number stands for only if somebody says so.
template <class Holder> constexpr bool holds = !std::is_copy_constructible_v<Holder> &&
                                               !std::is_copy_assignable_v<Holder> &&
                                               std::is_nothrow_move_constructible_v<Holder> &&
                                               std::is_nothrow_move_assignable_v<Holder> &&
                                               std::is_nothrow_default_constructible_v<Holder> &&
                                               !std::is_convertible_v<std::uint64_t, Holder> &&
                                               sizeof(Holder) == sizeof(std::uint64_t);
static_assert(holds<kvreg::Snapshot> && holds<kvreg::Batch> && holds<kvreg::Owner>);
static_assert(std::is_convertible_v<const kvreg::Owner &, kvreg::OwnerRef>);
static_assert(!std::is_convertible_v<std::uint64_t, kvreg::OwnerRef> && !std::is_convertible_v<std::uint64_t, kvreg::Entry>);
static_assert(std::is_trivially_copyable_v<kvreg::Entry> && sizeof(kvreg::Entry) == sizeof(kvreg_entry));
static_assert(!std::is_convertible_v<kvreg::Snapshot, kvreg::Batch>);
static_assert(!std::is_constructible_v<kvreg::Snapshot, kvreg::Batch>);
static_assert(std::is_trivially_copyable_v<kvreg::ValueView> && sizeof(kvreg::ValueView) == sizeof(kvreg_value));
static_assert(sizeof(kvreg::Value) == sizeof(kvreg_value));
static_assert(!std::is_convertible_v<kvreg::Value &, kvreg::ValueView &>, "else one could be written over");
static_assert(!std::is_assignable_v<kvreg::detail::Content &, const kvreg::Value &>);

// A loop over a snapshot that ends before the loop begins is refused by the compiler.
template <class T, class = void> constexpr bool can_visit = false;
template <class T>
constexpr bool can_visit<T, std::void_t<decltype(std::declval<T>().items()), decltype(std::declval<T>().names())>> =
    !std::is_void_v<decltype(std::declval<T>().items())>;
static_assert(can_visit<kvreg::Snapshot &> && can_visit<const kvreg::Snapshot &>);
static_assert(!can_visit<kvreg::Snapshot> && !can_visit<const kvreg::Snapshot>);

// One item at a time, and no more is claimed.
using Items = std::decay_t<decltype(std::declval<kvreg::Snapshot &>().items().value())>;
using Names = std::decay_t<decltype(std::declval<kvreg::Snapshot &>().names().value())>;
using Category = std::iterator_traits<decltype(std::declval<Items &>().begin())>::iterator_category;
static_assert(std::is_same_v<Category, std::input_iterator_tag>);
#if __cplusplus >= 202002L
static_assert(std::ranges::input_range<Items> && !std::ranges::forward_range<Items>);
static_assert(std::ranges::input_range<Names> && std::ranges::common_range<Names>);
static_assert(std::ranges::input_range<decltype(kvreg::unpack_items("").value())>);
static_assert(std::ranges::input_range<decltype(kvreg::unpack_names("").value())>);
#endif

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
static_assert(can_put<kvreg::Value> && can_put<kvreg::ValueView> && can_put<kvreg::Data> && can_put<kvreg::Data &>);
static_assert(!can_put<std::optional<kvreg::Value>> && !can_put<kvreg::Bucket> && !can_put<kvreg::Update>);
static_assert(!can_put<kvreg_value> && !can_put<kvreg::Result<int>> && !can_put<std::vector<unsigned char>>);

TEST(versions_agree) { CHECK(std::string(kvreg::version()) == KVREG_VERSION); }

TEST(every_status_has_a_name) {
    for (kvreg_status code = KVREG_OK; code >= KVREG_FAILED; code--) {
        const auto status = static_cast<kvreg::Status>(code);
        CHECK(std::string(kvreg::name(status)) == kvreg_status_name(code));
        CHECK(std::string(kvreg::message(status)) == kvreg_status_message(code));
    }
    CHECK(std::string(name(kvreg::Status::out_of_range)) == "KVREG_OUT_OF_RANGE");
    CHECK(std::string(name(kvreg::Status::not_found)) == "KVREG_NOT_FOUND");
}

// The templates that the rest of this file leaves unused, so that every compiler sees them.
TEST(every_template_compiles) {
    using kvreg::Update;
    const kvreg::Bucket bucket;
    const auto keep = [](std::optional<kvreg::ValueView>) { return Update::keep(); };
    CHECK(!bucket.update("key", keep) && !bucket.update("key", [](auto) { return Update::put("text"); }));
    CHECK(!bucket.put_many({{"key", 1}}) && !bucket.put_many(std::vector<std::pair<std::string, kvreg::Data>>()));
    CHECK(!bucket.get_many({"key"}) && !bucket.get_many(std::vector<std::string>()));
    CHECK(!kvreg::Snapshot().get_many({"key"}) && !kvreg::Registry::attach(0).create_many({"name"}));
    const auto none_of = kvreg::Registry::attach(0);
    CHECK(!none_of.get_or_create("name", [](kvreg::Bucket) {}));
    CHECK(!none_of.get_or_create("name", [](auto) { return kvreg::Status::ok; }, std::chrono::seconds(1)));
    CHECK(!bucket.for_each([](std::string_view, const kvreg::Value &) {}));
    const kvreg::Registry nowhere = kvreg::Registry::attach(0);
    CHECK(!nowhere.register_object("kind", "key", std::make_shared<int>(1)) && !nowhere.whereis<int>("kind", "key"));
    CHECK(!nowhere.dispatch<int>("kind", "key", [](kvreg::Entry, const std::shared_ptr<int> &) {}));
    CHECK(!kvreg::Entry().object<int>() && !nowhere.create_with("name", {}));
    const kvreg::Subscription silent;
    CHECK(!silent.dispatch([](const kvreg::EventView &) {}) && !silent.dispatch([](auto &) { return true; }));
    CHECK(!nowhere.on([](const kvreg::EventView &) {}) && !nowhere.on({}, [](auto &) { return kvreg::Status::ok; }));
    CHECK(!nowhere.subscribe() && !bucket.monitor(silent) && silent.events().end() == silent.events().end());
    const kvreg::Supervisor nobody;
    CHECK(!nobody.add([](kvreg::Worker) {}) && !nobody.add({}, [](auto) { return kvreg::Status::ok; }));
    CHECK(kvreg::set_log(kvreg::LogLevel::error, [](kvreg::LogLevel, std::string_view) {}) && kvreg::clear_log());
    const kvreg::Snapshot none;
    if (auto names = none.names())
        for (auto &[name, found] : *names) CHECK(name.empty() && found == bucket);
    if (auto items = none.items())
        for (auto &[key, value] : *items) CHECK(key.empty() && value.is_nil());
    for (auto &[key, value] : kvreg::unpack_items("").value()) CHECK(key.empty() && value.is_nil());
    for (auto &[name, found] : kvreg::unpack_names("").value()) CHECK(name.empty() && found == bucket);
}

int main() {
    RUN(every_template_compiles);
    RUN(versions_agree);
    RUN(every_status_has_a_name);
    return check_end();
}
