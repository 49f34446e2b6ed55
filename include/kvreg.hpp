/* kvreg.hpp - kvreg.h for C++17, header-only.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * In short
 *   auto registry = kvreg::Registry::start().value();
 *   kvreg::Bucket shopping = registry.create("shopping").value();
 *   shopping.put("eggs", 12).value();
 *   std::optional<std::int64_t> eggs = shopping.get_int("eggs").value();
 *
 * Rules that hold for every call
 *   Results   A call gives a Result: what was asked for, or the Status that says why not. A name or key that is not
 *             there is no error: it is an empty std::optional inside a Result that holds a value. So `if (result)`
 *             asks whether the call worked, never what it found.
 *   Errors    value() on a failed Result ends the process with one line on stderr. With KVREG_CPP_EXCEPTIONS defined
 *             before this header is included it throws kvreg::Error instead. The two are different types to the
 *             linker, so files of one program may choose differently. A call throws nothing else, except that
 *             std::bad_alloc may come from the strings and vectors that it fills.
 *   Threads   As in kvreg.h, every call may be made from any thread. The objects are plain values: one object may be
 *             read by many threads, and must not be assigned or moved while another thread uses it.
 *   Text      Names, keys and text go in as std::string_view, with any bytes in them, NUL included.
 */
#ifndef KVREG_HPP
#define KVREG_HPP

#include "kvreg.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#if defined(KVREG_CPP_EXCEPTIONS)
#include <stdexcept>
#endif

namespace kvreg {

// One program may hold both forms of value(); with one name for the two, the linker would silently keep either.
#if defined(KVREG_CPP_EXCEPTIONS)
inline namespace throwing {
#else
inline namespace aborting {
#endif

/// What a call answered. A number that this header does not know yet may occur; name() then gives "KVREG_?".
enum class Status : kvreg_status {
    ok = KVREG_OK, not_found = KVREG_NOT_FOUND, exists = KVREG_EXISTS,
    invalid_argument = KVREG_INVALID_ARGUMENT, bad_handle = KVREG_BAD_HANDLE, dead = KVREG_DEAD,
    stopped = KVREG_STOPPED, wrong_type = KVREG_WRONG_TYPE, conflict = KVREG_CONFLICT,
    out_of_range = KVREG_OUT_OF_RANGE, deadlock = KVREG_DEADLOCK, timed_out = KVREG_TIMED_OUT,
    would_block = KVREG_WOULD_BLOCK, forked = KVREG_FORKED, access_denied = KVREG_ACCESS_DENIED,
    panicked = KVREG_PANICKED, out_of_memory = KVREG_OUT_OF_MEMORY, io = KVREG_IO, corrupt = KVREG_CORRUPT,
    unsupported = KVREG_UNSUPPORTED,
};

/// The status as it stands in kvreg.h, such as "KVREG_NOT_FOUND"; valid for ever.
inline const char *name(Status status) noexcept { return kvreg_status_name(static_cast<kvreg_status>(status)); }

/// What the status means, in one sentence; valid for ever.
inline const char *message(Status status) noexcept { return kvreg_status_message(static_cast<kvreg_status>(status)); }

/// Why a bucket exits.
enum class Reason : kvreg_reason {
    normal = KVREG_REASON_NORMAL, shutdown = KVREG_REASON_SHUTDOWN, killed = KVREG_REASON_KILLED,
    crash = KVREG_REASON_CRASH, owner_closed = KVREG_REASON_OWNER_CLOSED, expired = KVREG_REASON_EXPIRED,
};

/// What a Value holds.
enum class Type : std::uint32_t {
    nil = KVREG_NIL, boolean = KVREG_BOOL, integer = KVREG_INT,
    real = KVREG_FLOAT, string = KVREG_STR, bytes = KVREG_BYTES,
};

/// The version of the library that runs; KVREG_VERSION is that of kvreg.h.
inline const char *version() noexcept { return kvreg_version(); }

#if defined(KVREG_CPP_EXCEPTIONS)
/// What value() throws; what() gives the status by name and in words.
class Error : public std::runtime_error {
public:
    explicit Error(Status status)
        : std::runtime_error(std::string(kvreg::name(status)) + ": " + kvreg::message(status)), status_(status) {}
    Status status() const noexcept { return status_; }

private:
    Status status_;
};
#endif

namespace detail {

[[noreturn]] inline void fail(Status status) {
#if defined(KVREG_CPP_EXCEPTIONS)
    throw Error(status);
#else
    std::fprintf(stderr, "kvreg: the value of a failed call was used: %s: %s\n", kvreg::name(status),
                 kvreg::message(status));
    std::abort();
#endif
}

} // namespace detail

/// A T, or the Status that says why there is none. Taking the T from a failure is an Error or the end of the process
/// (see the head of this file), never undefined. From a temporary Result the T comes out by value, so that
/// `for (auto &item : call().value())` is safe.
template <class T> class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::move(value)) {}
    /// A failure. Status::ok says nothing about a T that is missing, and becomes Status::corrupt.
    Result(Status error) noexcept : status_(error == Status::ok ? Status::corrupt : error) {}

    /// Whether the call worked; says nothing about what the T is.
    explicit operator bool() const noexcept { return value_.has_value(); }
    Status status() const noexcept { return status_; }

    T &value() & { return checked(), *value_; }
    const T &value() const & { return checked(), *value_; }
    T value() && { return checked(), std::move(*value_); }

    T &operator*() & { return value(); }
    const T &operator*() const & { return value(); }
    T operator*() && { return std::move(*this).value(); }
    T *operator->() { return &value(); }
    const T *operator->() const { return &value(); }

    T value_or(T other) const & { return value_ ? *value_ : std::move(other); }
    T value_or(T other) && { return value_ ? std::move(*value_) : std::move(other); }

#if defined(KVREG_CPP_EXCEPTIONS)
    /// The same as value(), for those who want to see in the code that it can throw.
    const T &or_throw() const & { return value(); }
    T or_throw() && { return std::move(*this).value(); }
#endif

private:
    void checked() const { value_ ? void() : detail::fail(status_); }

    std::optional<T> value_;
    Status status_ = Status::ok;
};

/// The answer of a call that has nothing to give: it worked, or the Status that says why not.
template <> class [[nodiscard]] Result<void> {
public:
    Result() noexcept = default;
    Result(Status status) noexcept : status_(status) {}

    explicit operator bool() const noexcept { return status_ == Status::ok; }
    Status status() const noexcept { return status_; }
    void value() const { status_ == Status::ok ? void() : detail::fail(status_); }
    void operator*() const { value(); }
#if defined(KVREG_CPP_EXCEPTIONS)
    void or_throw() const { value(); }
#endif

private:
    Status status_ = Status::ok;
};

/// A view of bytes of any kind, which stay the property of whoever has them. NULL is fine if the size is 0.
struct Bytes {
    const void *data = nullptr;
    std::size_t size = 0;

    /// The same bytes as characters, for comparing and copying.
    std::string_view view() const noexcept { return {static_cast<const char *>(data), size}; }
};

/// A value that a bucket gave, with its text or bytes; valid whatever happens to the bucket and the registry.
/// The views that it hands out live as long as it does (moving it hands them on). Any thread may destroy it.
class Value {
public:
    /// nil.
    Value() noexcept = default;
    /// Takes over a value that kvreg_get filled, and will release it.
    explicit Value(const kvreg_value &taken) noexcept : raw_(taken) {}
    Value(Value &&other) noexcept : raw_(other.release()) {}
    Value &operator=(Value &&other) noexcept {
        Value taken(std::move(other));
        std::swap(raw_, taken.raw_); // what was held ends with `taken`
        return *this;
    }
    Value(const Value &) = delete;
    Value &operator=(const Value &) = delete;
    ~Value() {
        if (raw_.owner != nullptr) kvreg_value_release(&raw_);
    }

    Type type() const noexcept { return static_cast<Type>(raw_.type); }
    bool is_nil() const noexcept { return raw_.type == KVREG_NIL; }

    /// Empty if the value has another type; nothing is converted. The same holds for the others.
    std::optional<bool> as_bool() const noexcept { return as(Type::boolean, raw_.as.boolean); }
    std::optional<std::int64_t> as_int() const noexcept { return as(Type::integer, raw_.as.integer); }
    std::optional<double> as_float() const noexcept { return as(Type::real, raw_.as.real); }
    std::optional<std::string_view> as_string() const noexcept { return as(Type::string, content().view()); }
    std::optional<Bytes> as_bytes() const noexcept { return as(Type::bytes, content()); }

    /// The C value, for calls of kvreg.h; it stays this object's property.
    const kvreg_value &raw() const noexcept { return raw_; }
    /// Gives the C value away, to be released by the caller, and is nil afterwards.
    kvreg_value release() noexcept { return std::exchange(raw_, kvreg_value{}); }

private:
    // By reference: to read a bool that is none is undefined, so it is read only if it is the one that counts.
    template <class T> std::optional<T> as(Type wanted, const T &content) const noexcept {
        return type() == wanted ? std::optional<T>(content) : std::nullopt;
    }
    Bytes content() const noexcept {
        const bool counts = raw_.type == KVREG_STR || raw_.type == KVREG_BYTES;
        return counts ? Bytes{raw_.as.bytes.data, raw_.as.bytes.len} : Bytes{};
    }

    kvreg_value raw_{};
};

/// A value copied out for good, as Bucket::items gives it; nullptr_t stands for nil.
using Data = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, std::vector<unsigned char>>;

namespace detail {

inline Status to_status(std::int64_t code) noexcept { return static_cast<Status>(static_cast<kvreg_status>(code)); }

/// Keeps absence and failure apart.
template <class T> Result<std::optional<T>> found(kvreg_status code, T value) {
    if (code == KVREG_NOT_FOUND) return std::optional<T>();
    if (code != KVREG_OK) return to_status(code);
    return std::optional<T>(std::move(value));
}

template <class T> Result<T> given(kvreg_status code, T value) {
    if (code != KVREG_OK) return to_status(code);
    return value;
}

/// A call that takes an id and gives a number.
inline Result<std::uint64_t> number(kvreg_status (*call)(std::uint64_t, std::uint64_t *), std::uint64_t id) {
    std::uint64_t number = 0;
    const kvreg_status code = call(id, &number);
    return given(code, number);
}

/// Asks for the size, then for the content, until what is asked for has stopped growing.
template <class Ask> Result<std::vector<char>> fill(Ask ask) {
    std::vector<char> buffer;
    for (;;) {
        const std::int64_t length = ask(buffer.data(), buffer.size());
        if (length < 0) return to_status(length);
        const auto size = static_cast<std::size_t>(length);
        const bool done = size <= buffer.size();
        buffer.resize(done ? size : size + size / 8);
        if (done) return buffer;
    }
}

/// Takes a packed dump apart; every step says whether there was enough left.
class Reader {
public:
    explicit Reader(const std::vector<char> &from) noexcept : rest_(from.data(), from.size()) {}
    bool at_end() const noexcept { return rest_.empty(); }

    bool view(std::size_t size, std::string_view &out) noexcept {
        if (size > rest_.size()) return false;
        out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
    }
    /// A little-endian number.
    template <class Unsigned> bool number(Unsigned &out) noexcept {
        std::string_view bytes;
        std::uint64_t sum = 0;
        if (!view(sizeof(Unsigned), bytes)) return false;
        for (std::size_t i = bytes.size(); i-- > 0;) sum = sum << 8 | static_cast<unsigned char>(bytes[i]);
        out = static_cast<Unsigned>(sum);
        return true;
    }
    /// A length and that many bytes.
    bool run(std::string_view &out) noexcept {
        std::uint32_t size = 0;
        return number(size) && view(size, out);
    }
    /// A type, a length and the content, as a value that only looks at the dump.
    bool value(kvreg_value &out) noexcept {
        std::uint8_t type = 0;
        std::uint32_t size = 0;
        std::uint64_t bits = 0;
        std::string_view bytes;
        if (!number(type) || !number(size)) return false;
        out = kvreg_value{};
        out.type = type;
        switch (type) {
        case KVREG_NIL: return size == 0;
        case KVREG_BOOL: return size == 1 && view(size, bytes) && (out.as.boolean = bytes[0] != 0, true);
        case KVREG_INT:
        case KVREG_FLOAT: return size == sizeof bits && number(bits) && std::memcpy(&out.as, &bits, sizeof bits);
        case KVREG_STR:
        case KVREG_BYTES: return view(size, bytes) && (out.as.bytes = {bytes.data(), bytes.size()}, true);
        default: return false;
        }
    }

private:
    std::string_view rest_;
};

inline std::vector<unsigned char> vector_of(std::string_view bytes) { return {bytes.begin(), bytes.end()}; }

inline Data copy_of(const Value &value) {
    switch (value.type()) {
    case Type::boolean: return *value.as_bool();
    case Type::integer: return *value.as_int();
    case Type::real: return *value.as_float();
    case Type::string: return std::string(*value.as_string());
    case Type::bytes: return vector_of(value.as_bytes()->view());
    case Type::nil: break;
    }
    return nullptr;
}

} // namespace detail

/// A bucket: the id of one, like a pid. Copy it freely; there is nothing to free, and dropping it stops nothing.
/// After the bucket's exit every call gives Status::dead, and no other bucket ever gets its id.
class Bucket {
public:
    /// No bucket; every call gives Status::bad_handle.
    constexpr Bucket() noexcept = default;
    /// The bucket of an id that came from elsewhere: another language, another library.
    constexpr explicit Bucket(kvreg_bucket id) noexcept : id_(id) {}

    constexpr kvreg_bucket id() const noexcept { return id_; }

    // --- put: in place of the value that was there; everything is copied before the call returns
    Result<void> put(std::string_view key, std::nullptr_t) const { return put_raw(key, kvreg_value{}); }

    /// bool, int or float, by the type of the number. An unsigned one beyond INT64_MAX is Status::out_of_range.
    template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0>
    Result<void> put(std::string_view key, T number) const {
        if constexpr (std::is_same_v<T, bool>) {
            kvreg_value value{};
            value.type = KVREG_BOOL;
            value.as.boolean = number;
            return put_raw(key, value);
        } else if constexpr (std::is_floating_point_v<T>) {
            static_assert(sizeof(T) <= sizeof(double), "a long double would lose digits: cast it to double");
            return detail::to_status(kvreg_put_float(id_, key.data(), key.size(), number));
        } else {
            static_assert(sizeof(T) <= sizeof(std::int64_t), "an int has 64 bits");
            if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(std::int64_t)) {
                if (number > static_cast<T>(std::numeric_limits<std::int64_t>::max())) return Status::out_of_range;
            }
            return detail::to_status(
                kvreg_put_int(id_, key.data(), key.size(), static_cast<std::int64_t>(number)));
        }
    }

    /// Text must be UTF-8, else Status::invalid_argument.
    Result<void> put(std::string_view key, std::string_view text) const {
        return detail::to_status(kvreg_put_str(id_, key.data(), key.size(), text.data(), text.size()));
    }
    /// Text that ends in NUL. Its own overload because it would else turn into a bool. NULL is
    /// Status::invalid_argument.
    Result<void> put(std::string_view key, const char *text) const {
        if (text == nullptr) return Status::invalid_argument;
        return put(key, std::string_view(text));
    }
    Result<void> put(std::string_view key, Bytes bytes) const {
        return detail::to_status(kvreg_put_bytes(id_, key.data(), key.size(), bytes.data, bytes.size));
    }
    /// A copy of a value that was got.
    Result<void> put(std::string_view key, const Value &value) const { return put_raw(key, value.raw()); }

    // --- get: empty if there is no such key, Status::wrong_type if the value has another type
    Result<std::optional<Value>> get(std::string_view key) const {
        kvreg_value value{};
        const kvreg_status code = kvreg_get(id_, key.data(), key.size(), &value);
        return detail::found(code, Value(value));
    }
    Result<std::optional<std::int64_t>> get_int(std::string_view key) const {
        std::int64_t number = 0;
        const kvreg_status code = kvreg_get_int(id_, key.data(), key.size(), &number);
        return detail::found(code, number);
    }
    Result<std::optional<double>> get_float(std::string_view key) const {
        double number = 0;
        const kvreg_status code = kvreg_get_float(id_, key.data(), key.size(), &number);
        return detail::found(code, number);
    }
    Result<std::optional<bool>> get_bool(std::string_view key) const {
        return get_as<bool>(key, [](const Value &value) { return value.as_bool(); });
    }
    /// A copy of the text. To look at it without a copy, use get.
    Result<std::optional<std::string>> get_string(std::string_view key) const {
        return get_as<std::string>(key, [](const Value &value) {
            const auto text = value.as_string();
            return text ? std::optional(std::string(*text)) : std::nullopt;
        });
    }
    /// A copy of the bytes, also of those of text.
    Result<std::optional<std::vector<unsigned char>>> get_bytes(std::string_view key) const {
        return get_as<std::vector<unsigned char>>(key, [](const Value &value) {
            const auto bytes = value.as_bytes();
            const auto text = bytes ? bytes->view() : value.as_string();
            return text ? std::optional(detail::vector_of(*text)) : std::nullopt;
        });
    }

    // --- the rest of its life
    /// Deletes a key and its value; gives whether there was one.
    Result<bool> erase(std::string_view key) const {
        const kvreg_status code = kvreg_delete(id_, key.data(), key.size());
        if (code == KVREG_NOT_FOUND) return false;
        return detail::given(code, true);
    }

    /// Ends the bucket, for everybody. When it returns, no lookup in any thread gives it. owner_closed and expired
    /// are for kvreg to give: Status::invalid_argument.
    Result<void> stop(Reason reason = Reason::normal) const {
        return detail::to_status(kvreg_bucket_stop(id_, static_cast<kvreg_reason>(reason)));
    }

    /// Whether it lives now; another thread may end it in the next instant. False for an id that never was a bucket.
    bool alive() const noexcept { return kvreg_bucket_check(id_) == KVREG_OK; }

    Result<std::string> name() const {
        const auto name = detail::fill([&](void *to, std::size_t n) { return kvreg_bucket_name(id_, to, n); });
        if (!name) return name.status();
        return std::string(name->data(), name->size());
    }
    /// The id of its registry, for Registry::attach.
    Result<kvreg_registry> registry_id() const { return detail::number(kvreg_bucket_registry, id_); }
    /// How many keys it has.
    Result<std::uint64_t> count() const { return detail::number(kvreg_bucket_count, id_); }
    /// How many puts and deletes it has seen.
    Result<std::uint64_t> revision() const { return detail::number(kvreg_bucket_revision, id_); }

    /// Calls `visit(std::string_view key, const kvreg::Value &value)` for every key, in no particular order, with all
    /// as it was at one revision. Nothing is held meanwhile: `visit` may call anything. Key and value are valid
    /// during that call only.
    template <class Visit> Result<void> for_each(Visit &&visit) const {
        const auto dump = detail::fill([&](void *to, std::size_t n) { return kvreg_bucket_dump(id_, to, n); });
        if (!dump) return dump.status();
        detail::Reader reader(*dump);
        while (!reader.at_end()) {
            std::string_view key;
            kvreg_value raw{};
            if (!reader.run(key) || !reader.value(raw)) return Status::corrupt;
            const Value value(raw); // has no owner, so that its end releases nothing
            visit(key, value);
        }
        return {};
    }

    /// A copy of all keys and values as they were at one revision, in no particular order.
    Result<std::vector<std::pair<std::string, Data>>> items() const {
        std::vector<std::pair<std::string, Data>> items;
        const auto done = for_each([&](std::string_view key, const Value &value) {
            items.emplace_back(std::string(key), detail::copy_of(value));
        });
        if (!done) return done.status();
        return items;
    }

    friend constexpr bool operator==(Bucket a, Bucket b) noexcept { return a.id_ == b.id_; }
    friend constexpr bool operator!=(Bucket a, Bucket b) noexcept { return a.id_ != b.id_; }
    friend constexpr bool operator<(Bucket a, Bucket b) noexcept { return a.id_ < b.id_; }

private:
    Result<void> put_raw(std::string_view key, const kvreg_value &value) const {
        return detail::to_status(kvreg_put(id_, key.data(), key.size(), &value));
    }

    template <class T, class Look> Result<std::optional<T>> get_as(std::string_view key, Look look) const {
        const auto got = get(key);
        if (!got) return got.status();
        if (!*got) return std::optional<T>();
        std::optional<T> seen = look(**got);
        if (!seen) return Status::wrong_type;
        return seen;
    }

    kvreg_bucket id_ = 0;
};

/// A registry. The object that started it stops it when it is destroyed; any other only looks at it.
class Registry {
public:
    /// Starts one that has no process-wide name.
    static Result<Registry> start() { return start_with(kvreg_options(KVREG_OPTIONS_INIT)); }

    /// The registry of this process-wide name, shared by all languages and libraries of the process. Starts it if
    /// there is none; if there is one, the object only looks at it (see owns()).
    static Result<Registry> start(std::string_view name) {
        kvreg_options options = KVREG_OPTIONS_INIT;
        // Here NULL would not be the empty name but no name at all.
        options.name = name.data() != nullptr ? name.data() : "";
        options.name_len = name.size();
        return start_with(options);
    }

    /// Looks at a registry that somebody else owns. Nothing is checked: a wrong id is a bad_handle at its first use.
    static Registry attach(kvreg_registry id) noexcept { return Registry(id, false); }

    Registry(Registry &&other) noexcept
        : id_(std::exchange(other.id_, 0)), owns_(std::exchange(other.owns_, false)) {}
    Registry &operator=(Registry &&other) noexcept {
        Registry taken(std::move(other));
        std::swap(id_, taken.id_); // what was held ends with `taken`
        std::swap(owns_, taken.owns_);
        return *this;
    }
    Registry(const Registry &) = delete;
    Registry &operator=(const Registry &) = delete;
    /// Stops the registry if this object started it. In the child of a fork that does nothing, as it should.
    ~Registry() {
        if (owns_) kvreg_stop(id_);
    }

    kvreg_registry id() const noexcept { return id_; }
    /// Whether the end of this object stops the registry.
    bool owns() const noexcept { return owns_; }
    /// Lets go: from now on the end of this object stops nothing. Gives the id.
    kvreg_registry release() noexcept {
        owns_ = false;
        return id_;
    }

    /// Stops the registry now, whoever started it: every bucket exits, and every later call gives Status::stopped.
    Result<void> stop() {
        const Status status = detail::to_status(kvreg_stop(id_));
        if (status == Status::ok) owns_ = false;
        return status;
    }

    /// The bucket of this name; makes it if there is none. When it returns, every thread sees the bucket.
    Result<Bucket> create(std::string_view name) const {
        kvreg_bucket id = 0;
        const kvreg_status code = kvreg_create(id_, name.data(), name.size(), &id);
        return detail::given(code, Bucket(id));
    }
    /// The bucket of this name, or none. Never waits for anybody.
    Result<std::optional<Bucket>> lookup(std::string_view name) const {
        kvreg_bucket id = 0;
        const kvreg_status code = kvreg_lookup(id_, name.data(), name.size(), &id);
        return detail::found(code, Bucket(id));
    }
    /// How many names it has.
    Result<std::uint64_t> count() const { return detail::number(kvreg_registry_count, id_); }
    /// How many creates and exits it has seen.
    Result<std::uint64_t> revision() const { return detail::number(kvreg_registry_revision, id_); }
    /// All names and their buckets as they were at one revision, in no particular order.
    Result<std::vector<std::pair<std::string, Bucket>>> names() const {
        const auto dump = detail::fill([&](void *to, std::size_t n) { return kvreg_registry_dump(id_, to, n); });
        if (!dump) return dump.status();
        std::vector<std::pair<std::string, Bucket>> names;
        detail::Reader reader(*dump);
        while (!reader.at_end()) {
            std::string_view name;
            std::uint64_t id = 0;
            if (!reader.run(name) || !reader.number(id)) return Status::corrupt;
            names.emplace_back(std::string(name), Bucket(id));
        }
        return names;
    }

private:
    Registry(kvreg_registry id, bool owns) noexcept : id_(id), owns_(owns) {}

    static Result<Registry> start_with(const kvreg_options &options) {
        kvreg_registry id = 0;
        const kvreg_status code = kvreg_start(&options, &id);
        if (code != KVREG_OK && code != KVREG_EXISTS) return detail::to_status(code);
        return Registry(id, code == KVREG_OK);
    }

    kvreg_registry id_ = 0;
    bool owns_ = false;
};

} // namespace throwing or aborting
} // namespace kvreg

template <> struct std::hash<kvreg::Bucket> {
    std::size_t operator()(kvreg::Bucket bucket) const noexcept { return std::hash<kvreg_bucket>()(bucket.id()); }
};

#endif // KVREG_HPP
