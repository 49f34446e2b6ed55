/* kvreg.hpp - kvreg.h for C++17, header-only.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * In short
 *   auto registry = kvreg::Registry::start().value();
 *   kvreg::Bucket shopping = registry.create("shopping").value();
 *   shopping.put("eggs", 12).value();
 *   std::optional<std::int64_t> eggs = shopping.get_int("eggs").value();
 *   const kvreg::Snapshot then = shopping.snapshot().value();
 *   for (auto &[key, value] : then.items().value()) { ... }
 *   const auto told = registry.on([](const kvreg::EventView &event) { ... }).value();
 *
 * Rules that hold for every call
 *   Results   A call gives a Result: what was asked for, or the Status that says why not. A name or key that is not
 *             there is no error: it is an empty std::optional inside a Result that holds a value. So `if (result)`
 *             asks whether the call worked, never what it found. Nor is it an error if the condition of a change does
 *             not hold, as in put_new: that is false, or an empty std::optional.
 *   Errors    value() on a failed Result ends the process with one line on stderr. With KVREG_CPP_EXCEPTIONS defined
 *             before this header is included it throws kvreg::Error instead. The two are different types to the
 *             linker, so files of one program may choose differently. A call throws nothing else, except that
 *             std::bad_alloc may come from the strings and vectors that it fills, and what your own function throws
 *             goes through. A loop over a snapshot that is closed meanwhile ends as a value() does.
 *   Threads   As in kvreg.h, every call may be made from any thread. The objects are plain values: one object may be
 *             read by many threads, and must not be assigned or moved while another thread uses it.
 *   Text      Names, keys and text go in as std::string_view, with any bytes in them, NUL included. Values go in as
 *             ValueView, which takes nullptr, bool, numbers, text, Bytes, a Value and a Data.
 *   Times     A time goes in as std::chrono::milliseconds, into which seconds, minutes and so on turn by themselves, and
 *             comes out as such; kvreg::for_ever stands for no end. A negative one is Status::invalid_argument.
 *   Owners    Registry, Snapshot, Batch, Subscription, Handler, Owner and Supervisor end what they stand for when they are destroyed, and can be moved, not
 *             copied; Value and Event do so with their text or bytes. What was moved from is empty: Status::bad_handle, or nil.
 */
#ifndef KVREG_HPP
#define KVREG_HPP

#include "kvreg.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>
#if defined(__cpp_exceptions)
#include <exception>
#endif
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
    unsupported = KVREG_UNSUPPORTED, failed = KVREG_FAILED,
};

/// The status as it stands in kvreg.h, such as "KVREG_NOT_FOUND"; valid for ever.
inline const char *name(Status status) noexcept { return kvreg_status_name(static_cast<kvreg_status>(status)); }

/// What the status means, in one sentence; valid for ever.
inline const char *message(Status status) noexcept { return kvreg_status_message(static_cast<kvreg_status>(status)); }

/// Why a bucket exits.
enum class Reason : kvreg_reason {
    normal = KVREG_REASON_NORMAL, shutdown = KVREG_REASON_SHUTDOWN, killed = KVREG_REASON_KILLED,
    crash = KVREG_REASON_CRASH, owner_closed = KVREG_REASON_OWNER_CLOSED, expired = KVREG_REASON_EXPIRED,
    gone = KVREG_REASON_GONE,
};

/// What others may do with a bucket.
enum class Access : std::uint32_t {
    public_access = KVREG_ACCESS_PUBLIC,       ///< Everybody reads and writes.
    protected_access = KVREG_ACCESS_PROTECTED, ///< Everybody reads; the handle that create_with gave also writes.
    private_access = KVREG_ACCESS_PRIVATE,     ///< Only the handle that create_with gave reads and writes.
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

/// A value copied out for good, as Bucket::items gives it; nullptr_t stands for nil.
using Data = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, std::vector<unsigned char>>;

namespace detail {

/// What Value and ValueView can be asked.
class Content {
public:
    Type type() const noexcept { return static_cast<Type>(raw_.type); }
    bool is_nil() const noexcept { return raw_.type == KVREG_NIL; }

    /// Empty if the value has another type; nothing is converted. The same holds for the others.
    std::optional<bool> as_bool() const noexcept { return as(Type::boolean, raw_.as.boolean); }
    std::optional<std::int64_t> as_int() const noexcept { return as(Type::integer, raw_.as.integer); }
    std::optional<double> as_float() const noexcept { return as(Type::real, raw_.as.real); }
    std::optional<std::string_view> as_string() const noexcept { return as(Type::string, content().view()); }
    std::optional<Bytes> as_bytes() const noexcept { return as(Type::bytes, content()); }
    /// A copy for good.
    Data data() const {
        switch (type()) {
        case Type::boolean: return raw_.as.boolean;
        case Type::integer: return raw_.as.integer;
        case Type::real: return raw_.as.real;
        case Type::string: return std::string(content().view());
        case Type::bytes: return vector_of(content().view());
        case Type::nil: break;
        }
        return nullptr;
    }

    /// The C value, for calls of kvreg.h; it stays this object's property.
    const kvreg_value &raw() const noexcept { return raw_; }

    static std::vector<unsigned char> vector_of(std::string_view bytes) { return {bytes.begin(), bytes.end()}; }

protected:
    Content() noexcept = default;
    explicit Content(const kvreg_value &raw) noexcept : raw_(raw) {}
    // For its heirs only: nobody shall assign to one through the other's interface.
    Content(const Content &) noexcept = default;
    Content &operator=(const Content &) noexcept = default;
    ~Content() = default;

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

} // namespace detail

/// A value that a bucket gave, with its text or bytes; valid whatever happens to the bucket and the registry.
/// The views that it hands out live as long as it does (moving it hands them on). Any thread may destroy it.
class Value : public detail::Content {
public:
    /// nil.
    Value() noexcept = default;
    /// Takes over a value that kvreg_get filled, and will release it.
    explicit Value(const kvreg_value &taken) noexcept : Content(taken) {}
    Value(Value &&other) noexcept : Content(other.release()) {}
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

    /// Gives the C value away, to be released by the caller, and is nil afterwards.
    kvreg_value release() noexcept { return std::exchange(raw_, kvreg_value{}); }
};

/// A look at a value that somebody else has: what calls take, and what update functions and dumps show. Text and bytes
/// are not copied, so they must outlive it. Nothing turns into a bool or a number on its way into it.
class ValueView : public detail::Content {
public:
    /// nil.
    ValueView() noexcept = default;
    ValueView(std::nullptr_t) noexcept {}
    /// bool, int or float, by the type of the number. With an unsigned one beyond INT64_MAX every call is
    /// Status::out_of_range.
    template <class T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0> ValueView(T number) noexcept {
        if constexpr (std::is_same_v<T, bool>) {
            raw_.type = KVREG_BOOL;
            raw_.as.boolean = number;
        } else if constexpr (std::is_floating_point_v<T>) {
            static_assert(sizeof(T) <= sizeof(double), "a long double would lose digits: cast it to double");
            raw_.type = KVREG_FLOAT;
            raw_.as.real = number;
        } else {
            static_assert(sizeof(T) <= sizeof(std::int64_t), "an int has 64 bits");
            raw_.type = KVREG_INT;
            raw_.as.integer = static_cast<std::int64_t>(number);
            if (std::is_unsigned_v<T> && raw_.as.integer < 0) refuse(Status::out_of_range);
        }
    }
    /// Text, which must be UTF-8: else the call is Status::invalid_argument.
    template <class T, std::enable_if_t<std::is_class_v<T>, int> = 0,
              std::enable_if_t<std::is_convertible_v<const T &, std::string_view>, int> = 0>
    ValueView(const T &text) : ValueView(KVREG_STR, text) {}
    /// Text that ends in NUL. With NULL every call is Status::invalid_argument.
    ValueView(const char *text) noexcept : ValueView(KVREG_STR, text != nullptr ? text : std::string_view()) {
        if (text == nullptr) refuse(Status::invalid_argument);
    }
    ValueView(Bytes bytes) noexcept : ValueView(KVREG_BYTES, bytes.view()) {}
    ValueView(const Value &value) noexcept : Content(value) { raw_.owner = nullptr; }
    /// A template, so that no argument turns into a Data first.
    template <class T, std::enable_if_t<std::is_same_v<T, Data>, int> = 0>
    ValueView(const T &data) : ValueView(std::visit([](const auto &held) { return of(held); }, data)) {}
    /// A C value, which is not released.
    explicit ValueView(const kvreg_value &raw) noexcept : Content(raw) { raw_.owner = nullptr; }

    /// Why it cannot be put, if its making has shown that already; Status::ok if not.
    Status status() const noexcept { return static_cast<Status>(static_cast<kvreg_status>(raw_.flags)); }

private:
    ValueView(std::uint32_t type, std::string_view bytes) noexcept {
        raw_.type = type;
        raw_.as.bytes = {bytes.data(), bytes.size()};
    }
    // In a field that costs nothing, and for which kvreg.h refuses the value too.
    void refuse(Status why) noexcept {
        raw_ = kvreg_value{};
        raw_.flags = static_cast<std::uint32_t>(why);
    }

    template <class T> static ValueView of(const T &held) noexcept { return held; }
    static ValueView of(const std::vector<unsigned char> &held) noexcept { return Bytes{held.data(), held.size()}; }
};

/// In place of a time that ends.
inline constexpr std::chrono::milliseconds for_ever = std::chrono::milliseconds::max();

/// A value and its key's revision at that moment, for put_if_revision and erase_if_revision.
struct Revised {
    Value value;
    std::uint64_t revision = 0;
};

/// How Bucket::add counts.
struct AddOptions {
    /// What a key that is not there counts as, before the addition.
    std::int64_t initial = 0;
    /// The limits of the result.
    std::int64_t min = std::numeric_limits<std::int64_t>::min();
    std::int64_t max = std::numeric_limits<std::int64_t>::max();
    /// Whether a result beyond the limits becomes the limit, instead of Status::out_of_range.
    bool clamp = false;
};

/// What an update function decides about its key.
class Update {
public:
    /// It stays as it is.
    static Update keep() noexcept { return {}; }
    /// It is deleted.
    static Update erase() noexcept {
        Update update;
        update.answer_ = KVREG_UPDATE_DELETE;
        return update;
    }
    /// It gets this value, which is copied at once, so it may be the function's own.
    static Update put(ValueView value) {
        Update update;
        update.status_ = value.status();
        update.answer_ = update.status_ == Status::ok ? KVREG_UPDATE_PUT : KVREG_UPDATE_KEEP;
        update.data_ = value.data();
        return update;
    }

    std::uint32_t answer() const noexcept { return answer_; }
    /// A value that cannot be put is kept apart from KVREG_UPDATE_KEEP by this.
    Status status() const noexcept { return status_; }
    const Data &data() const noexcept { return data_; }

private:
    Update() noexcept = default;

    std::uint32_t answer_ = KVREG_UPDATE_KEEP;
    Status status_ = Status::ok;
    Data data_;
};

namespace detail {

inline Status to_status(std::int64_t code) noexcept { return static_cast<Status>(static_cast<kvreg_status>(code)); }

/// A time for C. A negative one is refused there, other than by the one that stands for no end.
inline std::int64_t to_ms(std::chrono::milliseconds time) noexcept {
    return time == for_ever ? -1 : time.count() < 0 ? -2 : static_cast<std::int64_t>(time.count());
}
inline std::chrono::milliseconds from_ms(std::int64_t ms) noexcept {
    return ms < 0 ? for_ever : std::chrono::milliseconds(ms);
}

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

/// Whether a change was made; `refusal` says that its condition did not hold.
inline Result<bool> unless(kvreg_status refusal, kvreg_status code) {
    if (code == refusal) return false;
    return given(code, true);
}

/// A call that takes an id and gives a number or another id.
template <class T = std::uint64_t>
Result<T> number(kvreg_status (*call)(std::uint64_t, std::uint64_t *), std::uint64_t id) {
    std::uint64_t number = 0;
    const kvreg_status code = call(id, &number);
    return given(code, T(number));
}

/// A call that finds something and writes it, as a `Raw`, through its last pointer.
template <class T, class Raw, class Call, class... In> Result<std::optional<T>> find(Call call, In... in) {
    Raw raw{};
    const kvreg_status code = call(in..., &raw);
    return found(code, T(raw));
}

/// A call that finds a value and its revision.
template <class Call> Result<std::optional<Revised>> find_revised(Call call, std::uint64_t id, std::string_view key) {
    kvreg_value value{};
    std::uint64_t revision = 0;
    const kvreg_status code = call(id, key.data(), key.size(), &value, &revision);
    return found(code, Revised{Value(value), revision});
}

/// Asks for the content, with as much room as was asked for last, until that has stopped growing.
template <class Ask> Result<std::string> fill(Ask ask, std::size_t guess = 0) {
    std::string buffer(guess, '\0');
    for (;;) {
        const std::int64_t length = ask(buffer.data(), buffer.size());
        if (length < 0) return to_status(length);
        const auto size = static_cast<std::size_t>(length);
        const bool done = size <= buffer.size();
        buffer.resize(done ? size : size + size / 8);
        if (done) return buffer;
    }
}

/// Takes a packed list apart; every step says whether there was enough left.
class Reader {
public:
    Reader() noexcept = default;
    explicit Reader(std::string_view list) noexcept : rest_(list) {}
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
    /// A type, a length and the content, as a value that only looks at the list; or KVREG_NONE.
    bool value(kvreg_value &out) noexcept {
        std::uint8_t type = 0;
        std::uint32_t size = 0;
        std::uint64_t bits = 0;
        std::string_view bytes;
        if (!number(type) || !number(size)) return false;
        out = kvreg_value{};
        out.type = type;
        switch (type) {
        case KVREG_NIL:
        case KVREG_NONE: return size == 0;
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

/// Puts a packed list together. What cannot be packed is remembered, and refuses the whole list.
class Packer {
public:
    Packer() = default;
    template <class Parts> explicit Packer(Parts &parts) {
        for (auto &&part : parts) run(part), count_++;
    }
    /// A length and that many bytes.
    void run(std::string_view bytes) {
        if (bytes.size() > std::numeric_limits<std::uint32_t>::max()) return refuse(Status::invalid_argument);
        number(bytes.size(), sizeof(std::uint32_t));
        bytes_.append(bytes);
    }
    void item(std::string_view key, ValueView value) {
        const kvreg_value &raw = value.raw();
        run(key);
        number(raw.type, 1);
        switch (value.type()) {
        case Type::nil: refuse(value.status()), run({}); break;
        case Type::boolean: number(1, sizeof(std::uint32_t)), number(raw.as.boolean, 1); break;
        case Type::integer:
        case Type::real: {
            std::uint64_t bits = 0;
            std::memcpy(&bits, &raw.as, sizeof bits);
            number(sizeof bits, sizeof(std::uint32_t)), number(bits, sizeof bits);
            break;
        }
        case Type::string:
        case Type::bytes: run({raw.as.bytes.data, raw.as.bytes.len}); break;
        }
    }

    Status status() const noexcept { return status_; }
    const char *data() const noexcept { return bytes_.data(); }
    std::size_t size() const noexcept { return bytes_.size(); }
    /// How many parts it was made of.
    std::size_t count() const noexcept { return count_; }

private:
    /// Little-endian.
    void number(std::uint64_t number, std::size_t size) {
        for (; size-- > 0; number >>= 8) bytes_.push_back(static_cast<char>(number & 0xff));
    }
    void refuse(Status why) noexcept { status_ = status_ == Status::ok ? why : status_; }

    std::string bytes_;
    std::size_t count_ = 0;
    Status status_ = Status::ok;
};

using GetMany = std::int64_t (*)(std::uint64_t, const void *, std::size_t, void *, std::size_t);

template <class Keys>
Result<std::vector<std::optional<Data>>> get_many(GetMany call, std::uint64_t id, Keys &&keys) {
    const Packer list(keys);
    if (list.status() != Status::ok) return list.status();
    const std::size_t guess = list.count() * 16; // numbers take 13 bytes each
    const auto ask = [&](void *to, std::size_t n) { return call(id, list.data(), list.size(), to, n); };
    const auto answer = fill(ask, guess);
    if (!answer) return answer.status();
    std::vector<std::optional<Data>> values;
    values.reserve(list.count());
    for (Reader reader(*answer); !reader.at_end();) {
        kvreg_value raw{};
        if (!reader.value(raw)) return Status::corrupt;
        values.push_back(raw.type == KVREG_NONE ? std::nullopt : std::optional(ValueView(raw).data()));
    }
    return values;
}

/// What can be visited with range-for and with algorithms that ask for no more than input iterators: the item lies in
/// the range itself, so there is one at a time. It may be moved from. begin() starts over; the range must not be moved
/// while its iterators are in use.
template <class Source> class Range {
public:
    using Item = typename Source::Item;

    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Item;
        using difference_type = std::ptrdiff_t;
        using pointer = Item *;
        using reference = Item &;

        Iterator() noexcept = default;
        Item &operator*() const noexcept { return range_->item_; }
        Item *operator->() const noexcept { return &range_->item_; }
        Iterator &operator++() {
            if (!range_->source_.next(range_->item_)) range_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(Iterator a, Iterator b) noexcept { return a.range_ == b.range_; }
        friend bool operator!=(Iterator a, Iterator b) noexcept { return a.range_ != b.range_; }

    private:
        friend Range;
        Range *range_ = nullptr;
    };

    explicit Range(Source start) noexcept : start_(start), source_(start) {}
    Iterator begin() {
        Iterator first;
        first.range_ = this;
        source_ = start_;
        return ++first;
    }
    Iterator end() const noexcept { return {}; }

private:
    Source start_, source_;
    Item item_;
};

#if defined(__cpp_exceptions)
constexpr bool catches = true;
#else
constexpr bool catches = false;
#endif

/// Calls an update function from C: what it throws stays here until C has returned. `Catches` makes it two templates to
/// the linker, for programs of which only some files have exceptions.
template <class Function, bool Catches> struct Updater {
    Function &function;
    Update update = Update::keep(); // its text or bytes must stay until the call has returned
#if defined(__cpp_exceptions)
    std::exception_ptr thrown = nullptr;
#endif

    void decide(const kvreg_value *old) {
        update = function(old != nullptr ? std::optional(ValueView(*old)) : std::nullopt);
    }
    static std::uint32_t call(void *data, const kvreg_value *old, kvreg_value *new_value) noexcept {
        auto &self = *static_cast<Updater *>(data);
#if defined(__cpp_exceptions)
        try {
            self.decide(old);
        } catch (...) {
            self.thrown = std::current_exception();
        }
#else
        self.decide(old);
#endif
        *new_value = ValueView(self.update.data()).raw();
        return self.update.answer();
    }
    Status end(kvreg_status code) const {
#if defined(__cpp_exceptions)
        if (thrown) std::rethrow_exception(thrown);
#endif
        return update.status() != Status::ok ? update.status() : to_status(code);
    }
};

/// What a loader says: nothing, a Status, or a Result of anything.
inline Status status_of(Status status) noexcept { return status; }
template <class T> Status status_of(const Result<T> &result) noexcept { return result.status(); }

/// The same for a loader: those who wait for what it loads are told Status::failed if it throws.
template <class Function, bool Catches> struct Loader {
    Function &function;
#if defined(__cpp_exceptions)
    std::exception_ptr thrown = nullptr;
#endif

    Status load(kvreg_bucket id);
    static kvreg_status call(void *data, kvreg_bucket id) noexcept {
        auto &self = *static_cast<Loader *>(data);
#if defined(__cpp_exceptions)
        try {
            return static_cast<kvreg_status>(self.load(id));
        } catch (...) {
            self.thrown = std::current_exception();
            return KVREG_FAILED;
        }
#else
        return static_cast<kvreg_status>(self.load(id));
#endif
    }
    Status end(kvreg_status code) const {
#if defined(__cpp_exceptions)
        if (thrown) std::rethrow_exception(thrown);
#endif
        return to_status(code);
    }
};

/// An id that is closed when its holder is destroyed.
template <kvreg_status (*Close)(std::uint64_t)> class Closing {
public:
    /// None; every call gives Status::bad_handle.
    Closing() noexcept = default;
    /// Takes over an id that came from elsewhere, and will close it.
    explicit Closing(std::uint64_t id) noexcept : id_(id) {}
    Closing(Closing &&other) noexcept : id_(other.release()) {}
    Closing &operator=(Closing &&other) noexcept {
        Closing taken(std::move(other));
        std::swap(id_, taken.id_); // what was held ends with `taken`
        return *this;
    }
    Closing(const Closing &) = delete;
    Closing &operator=(const Closing &) = delete;

    std::uint64_t id() const noexcept { return id_; }
    /// Gives the id away, to be closed by the caller, and is empty afterwards.
    std::uint64_t release() noexcept { return std::exchange(id_, 0); }
    /// Closes it now, while other threads may still call: every later call gives Status::dead, a second close too.
    Result<void> close() const { return to_status(Close(id_)); }

protected:
    /// In the child of a fork that does nothing, as it should. No id is given out twice, so closing again is harmless.
    ~Closing() {
        if (id_ != 0) Close(id_);
    }

private:
    std::uint64_t id_ = 0;
};

} // namespace detail

/// A key and its value in a packed list, which must outlive both.
struct ItemView {
    std::string_view key;
    ValueView value;
};

namespace detail {

/// Where in a packed list of items a visit is.
struct PackedItems {
    using Item = ItemView;
    Reader rest;

    bool next(Item &out) noexcept {
        kvreg_value raw{};
        if (!rest.run(out.key) || !rest.value(raw) || raw.type == KVREG_NONE) return false;
        out.value = ValueView(raw);
        return true;
    }
};

/// Checks all of the list, so that its end and its first defect need not be told apart in the loop.
template <class Source> Result<Range<Source>> unpacked(std::string_view list) {
    typename Source::Item item;
    for (Source source{Reader(list)}; !source.rest.at_end();)
        if (!source.next(item)) return Status::invalid_argument;
    return Range<Source>(Source{Reader(list)});
}

} // namespace detail

/// The items of a packed list, such as a bucket's dump: `for (auto &[key, value] : unpack_items(dump).value())`. The
/// list is looked at, not copied. Status::invalid_argument if it is not well-formed.
inline Result<detail::Range<detail::PackedItems>> unpack_items(std::string_view list) {
    return detail::unpacked<detail::PackedItems>(list);
}

/// A lifetime that buckets, entries, subscriptions and handlers are tied to: they end when it is closed or destroyed; see
/// kvreg.h.
///     kvreg::Owner session = kvreg::Owner::open().value();
///     kvreg::Bucket cart = registry.create_with("cart", {session}).value().bucket;
class Owner : public detail::Closing<kvreg_owner_close> {
public:
    using Closing::Closing;

    static Result<Owner> open() {
        kvreg_owner id = 0;
        const kvreg_status code = kvreg_owner_open(&id);
        return detail::given(code, Owner(id));
    }
    /// How many things are tied to it.
    Result<std::uint64_t> count() const { return detail::number(kvreg_owner_count, id()); }
};

/// Says whose something is: an Owner, of which it is only the number, or nobody.
class OwnerRef {
public:
    /// Nobody.
    constexpr OwnerRef() noexcept = default;
    OwnerRef(const Owner &owner) noexcept : id_(owner.id()) {}
    /// The owner of an id that came from elsewhere.
    constexpr explicit OwnerRef(kvreg_owner id) noexcept : id_(id) {}

    /// The calling thread's own owner, which is closed when the thread ends.
    static Result<OwnerRef> of_thread() {
        kvreg_owner id = 0;
        const kvreg_status code = kvreg_owner_of_thread(&id);
        return detail::given(code, OwnerRef(id));
    }

    constexpr kvreg_owner id() const noexcept { return id_; }
    /// Whether it is somebody.
    constexpr explicit operator bool() const noexcept { return id_ != 0; }
    /// Whether the owner lives now.
    bool alive() const noexcept { return kvreg_owner_check(id_) == KVREG_OK; }
    /// Ends it now: a thread's owner before its thread, or one whose Owner is elsewhere.
    Result<void> close() const { return detail::to_status(kvreg_owner_close(id_)); }

    friend constexpr bool operator==(OwnerRef a, OwnerRef b) noexcept { return a.id_ == b.id_; }
    friend constexpr bool operator!=(OwnerRef a, OwnerRef b) noexcept { return a.id_ != b.id_; }

private:
    kvreg_owner id_ = 0;
};

/// How Registry::create_with makes a bucket.
struct CreateOptions {
    /// Whose it is: it exits when this owner ends.
    OwnerRef owner = {};
    /// To whom it passes when its owner ends, in place of its exit.
    OwnerRef heir = {};
    Access access = Access::public_access;
    /// How long it lives.
    std::chrono::milliseconds ttl = for_ever;
    /// How long it lives when nobody uses it: see kvreg_bucket_options.
    std::chrono::milliseconds idle = for_ever;
};

class Snapshot;
class Monitor;
class Subscription;

/// A bucket: the id of one, like a pid. Copy it freely; there is nothing to free, and dropping it stops nothing.
/// After the bucket's exit every call gives Status::dead, and no other bucket ever gets its id.
class Bucket {
public:
    /// No bucket; every call gives Status::bad_handle.
    constexpr Bucket() noexcept = default;
    /// The bucket of an id that came from elsewhere: another language, another library.
    constexpr explicit Bucket(kvreg_bucket id) noexcept : id_(id) {}

    constexpr kvreg_bucket id() const noexcept { return id_; }

    // --- put: everything is copied before the call returns
    /// In place of the value that was there.
    Result<void> put(std::string_view key, ValueView value) const {
        if (value.status() != Status::ok) return value.status();
        const kvreg_value &raw = value.raw();
        switch (value.type()) { // numbers go in registers
        case Type::integer: return detail::to_status(kvreg_put_int(id_, key.data(), key.size(), raw.as.integer));
        case Type::real: return detail::to_status(kvreg_put_float(id_, key.data(), key.size(), raw.as.real));
        default: return detail::to_status(kvreg_put(id_, key.data(), key.size(), &raw));
        }
    }
    /// If the key is not there; gives whether it was put. Of many threads that do this at once, one gets true.
    Result<bool> put_new(std::string_view key, ValueView value) const {
        if (value.status() != Status::ok) return value.status();
        return detail::unless(KVREG_EXISTS, kvreg_bucket_put_new(id_, key.data(), key.size(), &value.raw()));
    }
    /// If the key has the value `expected`, of the same type and equal; gives whether it was put.
    Result<bool> put_if_equal(std::string_view key, ValueView expected, ValueView value) const {
        if (expected.status() != Status::ok) return expected.status();
        if (value.status() != Status::ok) return value.status();
        return detail::unless(KVREG_CONFLICT, kvreg_bucket_put_if_equal(id_, key.data(), key.size(), &expected.raw(),
                                                                        &value.raw()));
    }
    /// If the key has this revision, or if that is 0 and there is no such key; gives the new one, or nothing if it was
    /// not put.
    Result<std::optional<std::uint64_t>> put_if_revision(std::string_view key, std::uint64_t revision,
                                                         ValueView value) const {
        if (value.status() != Status::ok) return value.status();
        std::uint64_t now = 0;
        const kvreg_status code =
            kvreg_bucket_put_if_revision(id_, key.data(), key.size(), revision, &value.raw(), &now);
        return detail::found(code == KVREG_CONFLICT ? KVREG_NOT_FOUND : code, now);
    }
    /// Gives what was there; empty if there was no such key.
    Result<std::optional<Value>> swap(std::string_view key, ValueView value) const {
        if (value.status() != Status::ok) return value.status();
        kvreg_value old{};
        bool existed = false;
        const kvreg_status code = kvreg_bucket_swap(id_, key.data(), key.size(), &value.raw(), &old, &existed);
        return detail::found(code == KVREG_OK && !existed ? KVREG_NOT_FOUND : code, Value(old));
    }
    /// For a time: when it has passed, the key is deleted, without a call, as a change of its bucket. A later put ends
    /// the time; add, update and the conditional puts keep it.
    Result<void> put_for(std::string_view key, ValueView value, std::chrono::milliseconds ttl) const {
        if (value.status() != Status::ok) return value.status();
        return detail::to_status(
            kvreg_bucket_put_for(id_, key.data(), key.size(), &value.raw(), detail::to_ms(ttl)));
    }
    /// Many, as one change: all of them or, on a failure, none; all get the same revision. Gives their number. Takes
    /// what yields pairs of a key and a value: a map, items(), or `{{"milk", 1}, {"eggs", "a dozen"}}`.
    template <class Items = std::initializer_list<std::pair<std::string_view, ValueView>>>
    Result<std::size_t> put_many(Items &&items) const {
        detail::Packer list;
        for (auto &&[key, value] : items) list.item(key, value);
        if (list.status() != Status::ok) return list.status();
        std::size_t count = 0;
        const kvreg_status code = kvreg_bucket_put_many(id_, list.data(), list.size(), &count);
        return detail::given(code, count);
    }

    // --- get: empty if there is no such key, Status::wrong_type if the value has another type
    Result<std::optional<Value>> get(std::string_view key) const {
        return detail::find<Value, kvreg_value>(kvreg_get, id_, key.data(), key.size());
    }
    Result<std::optional<std::int64_t>> get_int(std::string_view key) const {
        return detail::find<std::int64_t, std::int64_t>(kvreg_get_int, id_, key.data(), key.size());
    }
    Result<std::optional<double>> get_float(std::string_view key) const {
        return detail::find<double, double>(kvreg_get_float, id_, key.data(), key.size());
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
            return text ? std::optional(Value::vector_of(*text)) : std::nullopt;
        });
    }
    /// A value with its key's revision, which belong together.
    Result<std::optional<Revised>> get_revision(std::string_view key) const {
        return detail::find_revised(kvreg_bucket_get_revision, id_, key);
    }
    /// Copies of the values of many keys, in the order of the keys, each as it was at some moment of the call. Takes
    /// what yields keys: a vector, a set, or `{"milk", "eggs"}`.
    template <class Keys = std::initializer_list<std::string_view>>
    Result<std::vector<std::optional<Data>>> get_many(Keys &&keys) const {
        return detail::get_many(kvreg_bucket_get_many, id_, keys);
    }

    // --- other changes of one key
    /// Deletes a key and its value; gives whether there was one.
    Result<bool> erase(std::string_view key) const {
        return detail::unless(KVREG_NOT_FOUND, kvreg_delete(id_, key.data(), key.size()));
    }
    /// If the key has this revision; gives whether it was deleted.
    Result<bool> erase_if_revision(std::string_view key, std::uint64_t revision) const {
        return detail::unless(KVREG_CONFLICT,
                              kvreg_bucket_delete_if_revision(id_, key.data(), key.size(), revision));
    }
    /// Deletes a key and gives what it had. Of many threads that do this at once, one gets the value.
    Result<std::optional<Value>> take(std::string_view key) const {
        return detail::find<Value, kvreg_value>(kvreg_bucket_take, id_, key.data(), key.size());
    }
    /// Adds to an int and gives the result. Status::out_of_range beyond the limits, Status::wrong_type if it is no int.
    Result<std::int64_t> add(std::string_view key, std::int64_t by = 1, const AddOptions &options = {}) const {
        kvreg_add_options raw = KVREG_ADD_OPTIONS_INIT;
        raw.initial = options.initial;
        raw.min = options.min;
        raw.max = options.max;
        raw.flags = options.clamp ? KVREG_ADD_CLAMP : 0;
        std::int64_t sum = 0;
        const kvreg_status code = kvreg_bucket_add(id_, key.data(), key.size(), by, &raw, &sum);
        return detail::given(code, sum);
    }
    /// Calls `function(std::optional<ValueView> old)`, which is empty if there is no such key, and does what the Update
    /// that it gives says. It is called once, in this thread; other changes to the bucket wait meanwhile, readers do
    /// not. What it may do is said in kvreg.h. If it throws, nothing is changed, and the exception goes on from here.
    template <class Function, bool Catches = detail::catches>
    Result<void> update(std::string_view key, Function &&function) const {
        static_assert(std::is_invocable_r_v<Update, Function &, std::optional<ValueView>>,
                      "an update function takes a std::optional<ValueView> and gives an Update");
        detail::Updater<Function, Catches> updater{function};
        return updater.end(
            kvreg_bucket_update(id_, key.data(), key.size(), &updater.call, &updater, nullptr));
    }

    // --- times of keys
    /// From now on the key lives as long as this; its value and revision stay. Gives whether there is such a key.
    Result<bool> expire_key(std::string_view key, std::chrono::milliseconds ttl) const {
        return detail::unless(KVREG_NOT_FOUND,
                              kvreg_bucket_expire_key(id_, key.data(), key.size(), detail::to_ms(ttl)));
    }
    /// The key's time begins again, if it has one. Gives whether there is such a key.
    Result<bool> touch_key(std::string_view key) const {
        return detail::unless(KVREG_NOT_FOUND, kvreg_bucket_touch_key(id_, key.data(), key.size()));
    }
    /// How long the key will be there, rounded up, or for_ever; empty if there is no such key.
    Result<std::optional<std::chrono::milliseconds>> remaining_key(std::string_view key) const {
        std::int64_t ms = 0;
        const kvreg_status code = kvreg_bucket_remaining_key(id_, key.data(), key.size(), &ms);
        return detail::found(code, detail::from_ms(ms));
    }

    // --- the whole bucket
    /// From now on the bucket lives as long as this: then it exits with Reason::expired, without a call.
    Result<void> expire(std::chrono::milliseconds ttl) const {
        return detail::to_status(kvreg_bucket_expire(id_, detail::to_ms(ttl)));
    }
    /// The bucket's time begins again, if it has one, and so does the time that it may be unused.
    Result<void> touch() const { return detail::to_status(kvreg_bucket_touch(id_)); }
    /// How long the bucket will live if nobody uses it, rounded up, or for_ever.
    Result<std::chrono::milliseconds> remaining() const {
        std::int64_t ms = 0;
        const kvreg_status code = kvreg_bucket_remaining(id_, &ms);
        return detail::given(code, detail::from_ms(ms));
    }
    /// Deletes all keys, as one change; gives how many there were.
    Result<std::uint64_t> clear() const { return detail::number(kvreg_bucket_clear, id_); }
    /// The bucket as it is now. It costs the same for ten keys as for ten million.
    Result<Snapshot> snapshot() const;

    /// Ends the bucket, for everybody. When it returns, no lookup in any thread gives it. owner_closed and expired
    /// are for kvreg to give: Status::invalid_argument.
    Result<void> stop(Reason reason = Reason::normal) const {
        return detail::to_status(kvreg_bucket_stop(id_, static_cast<kvreg_reason>(reason)));
    }

    /// Ends the bucket as one that failed. The message, of up to 65,535 bytes, comes with the event of its exit.
    Result<void> crash(std::string_view message = {}) const {
        return detail::to_status(kvreg_bucket_crash(id_, message.data(), message.size()));
    }
    /// Lets a subscription of the same registry know when the bucket exits, and why: at once, if it has.
    Result<Monitor> monitor(const Subscription &subscription) const;

    /// Whether it lives now; another thread may end it in the next instant. False for an id that never was a bucket.
    bool alive() const noexcept { return kvreg_bucket_check(id_) == KVREG_OK; }

    Result<std::string> name() const {
        return detail::fill([&](void *to, std::size_t n) { return kvreg_bucket_name(id_, to, n); });
    }
    /// The id of its registry, for Registry::attach.
    Result<kvreg_registry> registry_id() const { return detail::number(kvreg_bucket_registry, id_); }
    /// How many keys it has.
    Result<std::uint64_t> count() const { return detail::number(kvreg_bucket_count, id_); }
    /// How many changes it has seen.
    Result<std::uint64_t> revision() const { return detail::number(kvreg_bucket_revision, id_); }

    /// Calls `visit(std::string_view key, const kvreg::Value &value)` for every key, in no particular order, with all
    /// as it was at one revision. Nothing is held meanwhile: `visit` may call anything. Key and value are valid
    /// during that call only.
    template <class Visit> Result<void> for_each(Visit &&visit) const {
        const auto packed = dump();
        if (!packed) return packed.status();
        auto items = unpack_items(*packed);
        if (!items) return items.status();
        for (const ItemView &item : *items) {
            const Value value(item.value.raw()); // has no owner, so that its end releases nothing
            visit(item.key, value);
        }
        return {};
    }

    /// A copy of all keys and values as they were at one revision, in no particular order.
    Result<std::vector<std::pair<std::string, Data>>> items() const {
        std::vector<std::pair<std::string, Data>> items;
        const auto done = for_each([&](std::string_view key, const Value &value) {
            items.emplace_back(std::string(key), value.data());
        });
        if (!done) return done.status();
        return items;
    }

    /// All keys and values as they were at one revision, as a packed list: for unpack_items.
    Result<std::string> dump() const {
        return detail::fill([&](void *to, std::size_t n) { return kvreg_bucket_dump(id_, to, n); });
    }

    // --- owners and access
    /// Gives it to another owner, or to nobody: `bucket.give({})`.
    Result<void> give(OwnerRef owner) const { return detail::to_status(kvreg_bucket_give(id_, owner.id())); }
    /// Says to whom it passes when its owner ends, in place of its exit.
    Result<void> set_heir(OwnerRef heir) const { return detail::to_status(kvreg_bucket_set_heir(id_, heir.id())); }
    /// Whose it is; false if nobody's.
    Result<OwnerRef> owner() const { return detail::number<OwnerRef>(kvreg_bucket_owner, id_); }
    /// A handle of the same bucket that reads and does not change it: all else is Status::access_denied.
    Result<Bucket> reader() const { return detail::number<Bucket>(kvreg_bucket_reader, id_); }
    /// Whether both are handles of one bucket. `==` compares handles: those that allow different things are different.
    Result<bool> same(Bucket other) const {
        bool same = false;
        const kvreg_status code = kvreg_bucket_same(id_, other.id_, &same);
        return detail::given(code, same);
    }

    friend constexpr bool operator==(Bucket a, Bucket b) noexcept { return a.id_ == b.id_; }
    friend constexpr bool operator!=(Bucket a, Bucket b) noexcept { return a.id_ != b.id_; }
    friend constexpr bool operator<(Bucket a, Bucket b) noexcept { return a.id_ < b.id_; }

private:
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

template <class Function, bool Catches> Status detail::Loader<Function, Catches>::load(kvreg_bucket id) {
    if constexpr (std::is_void_v<std::invoke_result_t<Function &, Bucket>>) {
        function(Bucket(id));
        return Status::ok;
    } else {
        return status_of(function(Bucket(id)));
    }
}

/// A name and the bucket that has or had it, as a snapshot or a packed list shows it; see there for how long.
struct Name {
    std::string_view name;
    Bucket bucket;
};

/// A key and its value, as a snapshot shows them. The key is the snapshot's.
struct Item {
    std::string_view key;
    Value value;
};

namespace detail {

/// Where in a packed list of names a visit is.
struct PackedNames {
    using Item = Name;
    Reader rest;

    bool next(Item &out) noexcept {
        std::uint64_t id = 0;
        if (!rest.run(out.name) || !rest.number(id)) return false;
        out.bucket = Bucket(id);
        return true;
    }
};

/// Where in a snapshot a visit is.
template <class Shown> struct Visit {
    using Item = Shown;
    kvreg_snapshot snapshot = 0;
    kvreg_cursor cursor = KVREG_CURSOR_INIT;

    kvreg_status step(Name &out) noexcept {
        const char *name = nullptr;
        std::size_t size = 0;
        kvreg_bucket bucket = 0;
        const kvreg_status code = kvreg_snapshot_next_name(snapshot, &cursor, &name, &size, &bucket);
        out = Name{{name, size}, Bucket(bucket)};
        return code;
    }
    kvreg_status step(kvreg::Item &out) noexcept {
        const char *key = nullptr;
        std::size_t size = 0;
        kvreg_value value{};
        const kvreg_status code = kvreg_snapshot_next(snapshot, &cursor, &key, &size, &value);
        out = kvreg::Item{{key, size}, Value(value)};
        return code;
    }
    bool next(Item &out) {
        const kvreg_status code = step(out);
        if (code != KVREG_OK && code != KVREG_NOT_FOUND) fail(to_status(code));
        return code == KVREG_OK;
    }
};

} // namespace detail

/// The names and buckets of a packed list, such as a registry's dump; as unpack_items.
inline Result<detail::Range<detail::PackedNames>> unpack_names(std::string_view list) {
    return detail::unpacked<detail::PackedNames>(list);
}

/// A registry or a bucket as it was at one moment; see kvreg.h. It holds back no writer, costs the same for ten keys as
/// for ten million, outlives what it shows, and is closed when it is destroyed. Any number of threads may read one. The
/// calls for a bucket's snapshot give Status::bad_handle on a registry's, and the other way round.
class Snapshot : public detail::Closing<kvreg_snapshot_close> {
public:
    using Closing::Closing;

    /// How many names or keys it has.
    Result<std::uint64_t> count() const { return detail::number(kvreg_snapshot_count, id()); }
    /// Which revision of the table, or of the bucket, it shows.
    Result<std::uint64_t> revision() const { return detail::number(kvreg_snapshot_revision, id()); }
    /// All that it shows, as a packed list: for unpack_names or unpack_items.
    Result<std::string> dump() const {
        return detail::fill([&](void *to, std::size_t n) { return kvreg_snapshot_dump(id(), to, n); });
    }

    // --- of a registry
    /// The bucket that had this name. It may have exited since; bucket() and get_in() show what it had.
    Result<std::optional<Bucket>> lookup(std::string_view name) const {
        return detail::find<Bucket, kvreg_bucket>(kvreg_snapshot_lookup, id(), name.data(), name.size());
    }
    /// What the bucket of this name had at the same moment, as a snapshot of its own.
    Result<std::optional<Snapshot>> bucket(std::string_view name) const {
        return detail::find<Snapshot, kvreg_snapshot>(kvreg_snapshot_bucket, id(), name.data(), name.size());
    }
    /// What a key had in the bucket of this name; empty if there was no such name, or no such key in it.
    Result<std::optional<Value>> get_in(std::string_view name, std::string_view key) const {
        return detail::find<Value, kvreg_value>(kvreg_snapshot_get_in, id(), name.data(), name.size(), key.data(),
                                                key.size());
    }
    /// All names and their buckets, in no particular order: `for (auto &[name, bucket] : snapshot.names().value())`.
    /// Neither the range nor the names must outlive the snapshot.
    Result<detail::Range<detail::Visit<Name>>> names() const & { return visit<Name>(); }
    void names() const && = delete;

    // --- of a bucket
    Result<std::optional<Value>> get(std::string_view key) const {
        return detail::find<Value, kvreg_value>(kvreg_snapshot_get, id(), key.data(), key.size());
    }
    /// A value with its key's revision: with put_if_revision it tells whether the key has changed since.
    Result<std::optional<Revised>> get_revision(std::string_view key) const {
        return detail::find_revised(kvreg_snapshot_get_revision, id(), key);
    }
    /// As Bucket::get_many, with all as they were at its moment.
    template <class Keys = std::initializer_list<std::string_view>>
    Result<std::vector<std::optional<Data>>> get_many(Keys &&keys) const {
        return detail::get_many(kvreg_snapshot_get_many, id(), keys);
    }
    /// All keys and their values, in no particular order: `for (auto &[key, value] : snapshot.items().value())`.
    /// Neither the range nor the keys must outlive the snapshot; a Value may, if it is moved out.
    Result<detail::Range<detail::Visit<Item>>> items() const & { return visit<Item>(); }
    void items() const && = delete;

private:
    /// Looks at the first one, so that a snapshot of the wrong kind is a failure here, and not in the loop.
    template <class Shown> Result<detail::Range<detail::Visit<Shown>>> visit() const {
        detail::Visit<Shown> start{id()}, ahead = start;
        Shown first;
        const kvreg_status code = ahead.step(first);
        if (code != KVREG_OK && code != KVREG_NOT_FOUND) return detail::to_status(code);
        return detail::Range<detail::Visit<Shown>>(start);
    }
};

inline Result<Snapshot> Bucket::snapshot() const { return detail::number<Snapshot>(kvreg_bucket_snapshot, id_); }

/// What an event tells.
enum class EventKind : std::uint32_t {
    none = 0, create = KVREG_EVENT_CREATE, exit = KVREG_EVENT_EXIT, lost = KVREG_EVENT_LOST, down = KVREG_EVENT_DOWN,
    key_expired = KVREG_EVENT_KEY_EXPIRED,
};

/// Which events somebody wants to hear: one, or several joined by `|`. Keys of a private bucket are told only to who asks
/// for those of that bucket, by a handle that reads.
enum class Events : std::uint32_t {
    none = 0, creates = KVREG_EVENTS_CREATE, exits = KVREG_EVENTS_EXIT, keys = KVREG_EVENTS_KEYS,
    table = KVREG_EVENTS_CREATE | KVREG_EVENTS_EXIT,
};
constexpr Events operator|(Events a, Events b) noexcept {
    return static_cast<Events>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

/// Whose events somebody wants to hear. It looks at the text that it was made from.
class Of {
public:
    /// Those of all buckets.
    constexpr Of() noexcept = default;
    /// Those of the buckets of this name, one after the other.
    static constexpr Of name(std::string_view name) noexcept { return Of(KVREG_OF_NAME, name, Bucket()); }
    /// Those of the buckets whose names begin with this.
    static constexpr Of prefix(std::string_view prefix) noexcept { return Of(KVREG_OF_PREFIX, prefix, Bucket()); }
    /// Those of this bucket.
    static constexpr Of bucket(Bucket bucket) noexcept { return Of(KVREG_OF_BUCKET, {}, bucket); }

    /// Puts it into the options of a call of kvreg.h.
    template <class Options> void into(Options &raw) const noexcept {
        raw.of = of_;
        raw.name = text_.data();
        raw.name_len = text_.size();
        raw.bucket = bucket_.id();
    }

private:
    constexpr Of(std::uint32_t of, std::string_view text, Bucket bucket) noexcept
        : of_(of), text_(text), bucket_(bucket) {}

    std::uint32_t of_ = KVREG_OF_ALL;
    std::string_view text_;
    Bucket bucket_;
};

/// From when on a subscription hears.
class From {
public:
    /// From now on.
    constexpr From() noexcept = default;
    /// What came after this revision of the table. Status::out_of_range if not all of that is remembered any more.
    static constexpr From revision(std::uint64_t revision) noexcept { return From(KVREG_START_REVISION, revision, 0); }
    /// What this snapshot of the registry does not show; as above.
    static From snapshot(const Snapshot &snapshot) noexcept { return From(KVREG_START_SNAPSHOT, 0, snapshot.id()); }

    void into(kvreg_subscribe_options &raw) const noexcept {
        raw.start = start_;
        raw.revision = revision_;
        raw.snapshot = snapshot_;
    }

private:
    constexpr From(std::uint32_t start, std::uint64_t revision, kvreg_snapshot snapshot) noexcept
        : start_(start), revision_(revision), snapshot_(snapshot) {}

    std::uint32_t start_ = KVREG_START_NOW;
    std::uint64_t revision_ = 0;
    kvreg_snapshot snapshot_ = 0;
};

/// What happens to events for which a subscription has no room; see kvreg.h.
enum class Overflow : std::uint32_t {
    drop = KVREG_OVERFLOW_DROP, block = KVREG_OVERFLOW_BLOCK, disconnect = KVREG_OVERFLOW_DISCONNECT,
};

/// How Registry::subscribe makes a subscription.
struct SubscribeOptions {
    Events events = Events::table;
    Of of = {};
    From from = {};
    /// How many events may wait to be taken.
    std::uint64_t capacity = 1024;
    Overflow overflow = Overflow::drop;
    /// How long Overflow::block makes others wait.
    std::chrono::milliseconds block = std::chrono::seconds(1);
    /// With whose end it ends.
    OwnerRef owner = {};
};

/// When a handler is called: before the call returns that made the change, or soon, on a thread of the library's.
enum class Mode : std::uint32_t { sync = KVREG_HANDLER_SYNC, async = KVREG_HANDLER_ASYNC };

/// How Registry::on adds a handler.
struct HandlerOptions {
    Events events = Events::table;
    Of of = {};
    Mode mode = Mode::sync;
    /// Whether it stays when its function has failed or taken too long.
    bool keep = false;
    /// How long a call may take before others go on.
    std::chrono::milliseconds limit = std::chrono::seconds(5);
    /// How many events may wait for it.
    std::uint64_t capacity = 65536;
    /// With whose end it ends.
    OwnerRef owner = {};
};

/// A monitor: the id of one. Copy it freely; dropping it cancels nothing. It is the subscription's, and ends when its event
/// was taken, or with cancel().
class Monitor {
public:
    constexpr Monitor() noexcept = default;
    constexpr explicit Monitor(kvreg_monitor id) noexcept : id_(id) {}
    constexpr kvreg_monitor id() const noexcept { return id_; }
    /// Sees to it that nobody is told any more; false if somebody was.
    Result<bool> cancel() const { return detail::unless(KVREG_DEAD, kvreg_monitor_cancel(id_)); }

    friend constexpr bool operator==(Monitor a, Monitor b) noexcept { return a.id_ == b.id_; }
    friend constexpr bool operator!=(Monitor a, Monitor b) noexcept { return a.id_ != b.id_; }

private:
    kvreg_monitor id_ = 0;
};

/// A look at an event that somebody else has: what functions are called with. Its text must not outlive it.
class EventView {
public:
    /// None.
    EventView() noexcept = default;
    explicit EventView(const kvreg_event &raw) noexcept : raw_(raw) { raw_.owner = nullptr; }

    EventKind kind() const noexcept { return static_cast<EventKind>(raw_.kind); }
    /// The table's revision that the change made; of a key, the bucket's.
    std::uint64_t revision() const noexcept { return raw_.revision; }
    /// The bucket that it is about.
    Bucket bucket() const noexcept { return Bucket(raw_.bucket); }
    /// The bucket's name.
    std::string_view name() const noexcept { return {raw_.name, raw_.name_len}; }
    /// Why the bucket exited; empty if the event does not say that one did.
    std::optional<Reason> reason() const noexcept {
        const bool exited = kind() == EventKind::exit || kind() == EventKind::down;
        return exited ? std::optional(static_cast<Reason>(raw_.reason)) : std::nullopt;
    }
    /// What was said of a crash, or the key that expired.
    std::string_view message() const noexcept { return {raw_.message, raw_.message_len}; }
    /// How many events an EventKind::lost stands for. 0: the subscription was disconnected.
    std::uint64_t lost() const noexcept { return kind() == EventKind::lost ? raw_.count : 0; }
    /// The monitor that an EventKind::down comes from.
    Monitor monitor() const noexcept { return Monitor(kind() == EventKind::down ? raw_.count : 0); }

protected:
    kvreg_event raw_{};
};

/// An event that a subscription gave, with its text; valid whatever happens to the subscription and the registry.
class Event : public EventView {
public:
    /// None.
    Event() noexcept = default;
    /// Takes over an event that kvreg_subscription_next filled, and will release it.
    explicit Event(const kvreg_event &taken) noexcept { raw_ = taken; }
    Event(Event &&other) noexcept { raw_ = std::exchange(other.raw_, kvreg_event{}); }
    Event &operator=(Event &&other) noexcept {
        Event taken(std::move(other));
        std::swap(raw_, taken.raw_); // what was held ends with `taken`
        return *this;
    }
    Event(const Event &) = delete;
    Event &operator=(const Event &) = delete;
    ~Event() {
        if (raw_.owner != nullptr) kvreg_event_release(&raw_);
    }
};

namespace detail {

/// Calls a function for an event; void is success.
template <class Function> Status told(Function &function, const EventView &event) {
    using Answer = std::invoke_result_t<Function &, const EventView &>;
    if constexpr (std::is_void_v<Answer>) {
        function(event);
        return Status::ok;
    } else {
        return status_of(function(event));
    }
}

/// Calls a function of Subscription::dispatch from C: what it throws stays here until C has returned.
template <class Function, bool Catches> struct Lent {
    Function &function;
    bool ended = false;
#if defined(__cpp_exceptions)
    std::exception_ptr thrown = nullptr;
#endif

    bool goes_on(const EventView &event) {
        if constexpr (std::is_void_v<std::invoke_result_t<Function &, const EventView &>>) {
            function(event);
            return true;
        } else {
            return function(event);
        }
    }
    static kvreg_status call(void *data, const kvreg_event *event) noexcept {
        auto &self = *static_cast<Lent *>(data);
#if defined(__cpp_exceptions)
        try {
            self.ended = !self.goes_on(EventView(*event));
        } catch (...) {
            self.ended = true;
            self.thrown = std::current_exception();
        }
#else
        self.ended = !self.goes_on(EventView(*event));
#endif
        return self.ended ? KVREG_FAILED : KVREG_OK;
    }
    Status end(kvreg_status code) const {
#if defined(__cpp_exceptions)
        if (thrown) std::rethrow_exception(thrown);
#endif
        return ended ? Status::ok : to_status(code);
    }
};

/// A handler's function, from its addition to its end.
template <class Function, bool Catches> struct Handling {
    Function function;

    static kvreg_status call(void *data, const kvreg_event *event) noexcept {
        auto &self = *static_cast<Handling *>(data);
#if defined(__cpp_exceptions)
        try {
            return static_cast<kvreg_status>(told(self.function, EventView(*event)));
        } catch (...) {
            return KVREG_FAILED;
        }
#else
        return static_cast<kvreg_status>(told(self.function, EventView(*event)));
#endif
    }
    static void destroy(void *data) noexcept { delete static_cast<Handling *>(data); }
};

/// Where in a subscription a visit is: the events are taken as it goes.
struct Taking {
    using Item = Event;
    kvreg_subscription subscription = 0;

    bool next(Item &out) {
        kvreg_event event{};
        const kvreg_status code = kvreg_subscription_next(subscription, -1, &event);
        if (code == KVREG_STOPPED) return false;
        if (code != KVREG_OK) fail(to_status(code));
        out = Event(event);
        return true;
    }
};

} // namespace detail

/// Events, to be taken by any thread and in its own time; closed when it is destroyed.
class Subscription : public detail::Closing<kvreg_subscription_close> {
public:
    using Closing::Closing;

    /// Takes the next event; empty if none came in time. Status::stopped if none will come: the registry was stopped, or
    /// the subscription was closed meanwhile or disconnected.
    Result<std::optional<Event>> next(std::chrono::milliseconds patience = for_ever) const {
        kvreg_event event{};
        const kvreg_status code = kvreg_subscription_next(id(), detail::to_ms(patience), &event);
        return detail::found(code == KVREG_TIMED_OUT ? KVREG_NOT_FOUND : code, Event(event));
    }
    /// All events, until none will come: `for (auto &event : subscription.events())` waits for each. The range must not
    /// outlive the subscription; one that is closed meanwhile ends it.
    detail::Range<detail::Taking> events() const & noexcept {
        return detail::Range<detail::Taking>(detail::Taking{id()});
    }
    void events() const && = delete;
    /// Calls `function(const EventView &event)` for each event, in this thread, until it gives false (a function that
    /// gives void goes on), which is a success; until none came for so long, Status::timed_out; until none will come,
    /// Status::stopped. What it throws goes on from here.
    template <class Function, bool Catches = detail::catches>
    Result<void> dispatch(Function &&function, std::chrono::milliseconds patience = for_ever) const {
        static_assert(std::is_invocable_v<Function &, const EventView &>, "it takes a const EventView &");
        detail::Lent<std::remove_reference_t<Function>, Catches> lent{function};
        return lent.end(kvreg_subscription_dispatch(id(), detail::to_ms(patience), &lent.call, &lent,
                                                          nullptr));
    }

    /// A file descriptor that is readable while next() would not wait: for poll and its like. It is the subscription's.
    Result<int> fd() const {
        int fd = -1;
        const kvreg_status code = kvreg_subscription_fd(id(), &fd);
        return detail::given(code, fd);
    }
    /// How many events wait to be taken.
    Result<std::uint64_t> count() const { return detail::number(kvreg_subscription_count, id()); }
    /// A snapshot of the registry from which on it goes on: what that shows is not told any more, and all later is.
    Result<Snapshot> snapshot() const { return detail::number<Snapshot>(kvreg_subscription_snapshot, id()); }
};

/// A function that is called for events; removed when it is destroyed, which waits for a call under way in another thread.
class Handler : public detail::Closing<kvreg_handler_remove> {
public:
    using Closing::Closing;
};

inline Result<Monitor> Bucket::monitor(const Subscription &subscription) const {
    kvreg_monitor id = 0;
    const kvreg_status code = kvreg_bucket_monitor(id_, subscription.id(), &id);
    return detail::given(code, Monitor(id));
}

/// Puts and deletes for several buckets of one registry, to be made as one change: a snapshot shows all of it or
/// nothing. What was not committed is forgotten when it is destroyed. Threads that use one batch take turns.
class Batch : public detail::Closing<kvreg_batch_close> {
public:
    using Closing::Closing;

    /// Adds a put; nothing is changed before commit(). Status::invalid_argument if the bucket is of another registry.
    Result<void> put(Bucket bucket, std::string_view key, ValueView value) const {
        if (value.status() != Status::ok) return value.status();
        return detail::to_status(kvreg_batch_put(id(), bucket.id(), key.data(), key.size(), &value.raw()));
    }
    /// Adds a put for a time, which begins with the commit.
    Result<void> put_for(Bucket bucket, std::string_view key, ValueView value, std::chrono::milliseconds ttl) const {
        if (value.status() != Status::ok) return value.status();
        return detail::to_status(kvreg_batch_put_for(id(), bucket.id(), key.data(), key.size(), &value.raw(),
                                                     detail::to_ms(ttl)));
    }
    /// Adds a delete. That the key is not there, then or later, is no error.
    Result<void> erase(Bucket bucket, std::string_view key) const {
        return detail::to_status(kvreg_batch_delete(id(), bucket.id(), key.data(), key.size()));
    }
    /// Makes all changes as one, in the order in which they were added, and is empty then, to be used again. On a
    /// failure nothing is changed, and it stays as it was.
    Result<void> commit() const { return detail::to_status(kvreg_batch_commit(id())); }
    /// Forgets all changes.
    Result<void> clear() const { return detail::to_status(kvreg_batch_clear(id())); }
    /// How many changes it has.
    Result<std::uint64_t> count() const { return detail::number(kvreg_batch_count, id()); }
};

/// A bucket, and whether the call that gave it has made it.
struct Created {
    Bucket bucket;
    bool created = false;
};

/// How Registry::register_object registers.
struct RegisterOptions {
    /// Whose the entry is: it is unregistered when this owner ends.
    OwnerRef owner = {};
    /// Whether others may be registered under the same kind and key, if they are duplicates too.
    bool duplicate = false;
};

namespace detail {

/// What stands for a type.
template <class T> inline constexpr char type_tag = 0;

/// What the directory counts the references of: it holds one of the shared_ptr's.
struct Shared {
    std::atomic<std::size_t> references{1};
    const void *type = nullptr;
    std::shared_ptr<void> object;

    template <class T> explicit Shared(std::shared_ptr<T> shared)
        : type(&type_tag<T>), object(std::const_pointer_cast<std::remove_const_t<T>>(std::move(shared))) {}
    static void retain(void *pointer) noexcept {
        static_cast<Shared *>(pointer)->references.fetch_add(1, std::memory_order_relaxed);
    }
    static void release(void *pointer) noexcept {
        auto *shared = static_cast<Shared *>(pointer);
        if (shared->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete shared;
    }
    /// Takes a reference over.
    template <class T> static Result<std::shared_ptr<T>> take(kvreg_object raw) {
        const std::unique_ptr<kvreg_object, void (*)(kvreg_object *)> held(&raw, kvreg_object_release);
        if (raw.release != &Shared::release) return Status::wrong_type;
        const auto &shared = *static_cast<Shared *>(raw.pointer);
        if (shared.type != &type_tag<T>) return Status::wrong_type;
        return std::static_pointer_cast<T>(shared.object);
    }
};

} // namespace detail

/// Something that is registered: the id of an entry of a registry's directory. Copy it freely; dropping it ends nothing.
class Entry {
public:
    /// None; every call gives Status::bad_handle.
    constexpr Entry() noexcept = default;
    constexpr explicit Entry(kvreg_entry id) noexcept : id_(id) {}

    constexpr kvreg_entry id() const noexcept { return id_; }
    /// Whether it is registered now.
    bool alive() const noexcept { return kvreg_entry_check(id_) == KVREG_OK; }
    /// Takes it out: when this returns, nobody finds it. Status::dead if somebody else did.
    Result<void> unregister() const { return detail::to_status(kvreg_unregister(id_)); }
    /// The object, if it was registered as a std::shared_ptr<T> of just this T: else Status::wrong_type.
    template <class T> Result<std::shared_ptr<T>> object() const {
        kvreg_object raw{};
        const kvreg_status code = kvreg_entry_object(id_, &raw);
        if (code != KVREG_OK) return detail::to_status(code);
        return detail::Shared::take<T>(raw);
    }

    friend constexpr bool operator==(Entry a, Entry b) noexcept { return a.id_ == b.id_; }
    friend constexpr bool operator!=(Entry a, Entry b) noexcept { return a.id_ != b.id_; }
    friend constexpr bool operator<(Entry a, Entry b) noexcept { return a.id_ < b.id_; }

private:
    kvreg_entry id_ = 0;
};

/// The entry that has a key, and whether it is that of the call.
struct Registered {
    Entry entry;
    bool added = false;
};

namespace detail {

/// Calls a function for entries from C; as Updater.
template <class T, class Function, bool Catches> struct Dispatcher {
    Function &function;
    std::uint64_t count = 0;
#if defined(__cpp_exceptions)
    std::exception_ptr thrown = nullptr;
#endif

    void visit(Entry entry) {
        auto object = entry.template object<T>();
        if (!object) return; // another's, or just gone
        count++;
        function(entry, *object);
    }
    static void call(void *data, kvreg_entry entry, void *) noexcept {
        auto &self = *static_cast<Dispatcher *>(data);
#if defined(__cpp_exceptions)
        if (self.thrown) return;
        try {
            self.visit(Entry(entry));
        } catch (...) {
            self.thrown = std::current_exception();
        }
#else
        self.visit(Entry(entry));
#endif
    }
    Result<std::uint64_t> end(kvreg_status code) const {
#if defined(__cpp_exceptions)
        if (thrown) std::rethrow_exception(thrown);
#endif
        return given(code, count);
    }
};

} // namespace detail

/// What a supervisor does about a child that failed; see kvreg.h.
enum class Strategy : std::uint32_t {
    one_for_one = KVREG_STRATEGY_ONE_FOR_ONE, one_for_all = KVREG_STRATEGY_ONE_FOR_ALL,
    rest_for_one = KVREG_STRATEGY_REST_FOR_ONE,
};

/// Which ends of a child are followed by another start.
enum class Restart : std::uint32_t {
    permanent = KVREG_RESTART_PERMANENT, transient = KVREG_RESTART_TRANSIENT, temporary = KVREG_RESTART_TEMPORARY,
};

/// How something stands.
enum class State : std::uint32_t {
    running = KVREG_STATE_RUNNING, ending = KVREG_STATE_ENDING, stopped = KVREG_STATE_STOPPED,
    failed = KVREG_STATE_FAILED,
};

/// How a supervisor is started.
struct SupervisorOptions {
    /// What the log calls it.
    std::string_view name = "supervisor";
    Strategy strategy = Strategy::one_for_one;
    /// It gives up when there would be more restarts than this in the window.
    std::uint32_t max_restarts = 3;
    std::chrono::milliseconds window = std::chrono::seconds(5);
    /// What the supervisor above does when it gives up.
    Restart restart = Restart::permanent;
};

/// How a worker is run.
struct WorkerOptions {
    /// What the log calls it, and the system its thread.
    std::string_view name = "worker";
    Restart restart = Restart::permanent;
    /// How long its end is waited for when it is told to stop. A worker that takes longer is left behind.
    std::chrono::milliseconds patience = std::chrono::seconds(5);
};

/// A worker: the id of one. Copy it freely; there is nothing to free.
class Worker {
public:
    /// No worker; every call gives Status::bad_handle.
    constexpr Worker() noexcept = default;
    constexpr explicit Worker(kvreg_worker id) noexcept : id_(id) {}

    constexpr kvreg_worker id() const noexcept { return id_; }

    /// For the worker: sleeps; false if it shall stop (or is over): `while (worker.sleep(100ms)) ...`.
    bool sleep(std::chrono::milliseconds time = for_ever) const noexcept {
        return kvreg_worker_wait(id_, detail::to_ms(time)) == KVREG_TIMED_OUT;
    }
    /// For the worker: whether it shall stop.
    bool told() const noexcept { return !sleep(std::chrono::milliseconds(0)); }

    /// Ends it for good. Status::timed_out if it has not ended in time; then the call can be made again. From itself it
    /// returns at once, and the worker ends when it returns.
    Result<void> stop(std::chrono::milliseconds patience = for_ever) const {
        return detail::to_status(kvreg_worker_stop(id_, detail::to_ms(patience)));
    }
    Result<kvreg_worker_info> stats() const {
        kvreg_worker_info info = KVREG_WORKER_INFO_INIT;
        const kvreg_status code = kvreg_worker_stats(id_, &info);
        return detail::given(code, info);
    }
    Result<std::string> name() const {
        return detail::fill([&](void *to, std::size_t n) { return kvreg_worker_name(id_, to, n); });
    }

    friend constexpr bool operator==(Worker a, Worker b) noexcept { return a.id_ == b.id_; }
    friend constexpr bool operator!=(Worker a, Worker b) noexcept { return a.id_ != b.id_; }

private:
    kvreg_worker id_ = 0;
};

namespace detail {

/// A worker's function, from its addition to its end.
template <class Function, bool Catches> struct Working {
    Function function;

    std::int32_t run(Worker worker) {
        using Answer = std::invoke_result_t<Function &, Worker>;
        if constexpr (std::is_void_v<Answer>) {
            function(worker);
            return 0;
        } else if constexpr (std::is_integral_v<Answer>) {
            const Answer answer = function(worker);
            const auto status = static_cast<std::int32_t>(answer);
            return static_cast<Answer>(status) == answer ? status : KVREG_FAILED; // one that is too large is no zero
        } else {
            return static_cast<std::int32_t>(status_of(function(worker)));
        }
    }
    static std::int32_t call(void *data, kvreg_worker worker) noexcept {
        auto &self = *static_cast<Working *>(data);
#if defined(__cpp_exceptions)
        try {
            return self.run(Worker(worker));
        } catch (...) {
            return KVREG_FAILED;
        }
#else
        return self.run(Worker(worker));
#endif
    }
    static void destroy(void *data) noexcept { delete static_cast<Working *>(data); }
};

/// The function that gets the log's records. What it throws has nowhere to go.
template <class Function, bool Catches> struct Logging {
    Function function;

    static void call(void *data, std::uint32_t level, const char *text, std::size_t size) noexcept;
    static void destroy(void *data) noexcept { delete static_cast<Logging *>(data); }
};

} // namespace detail

/// A supervisor: it runs workers, functions of yours on threads of kvreg's, and restarts those that fail; see kvreg.h. It
/// is stopped when it is destroyed, which waits for its workers; a child of another supervisor too, unless release() leaves
/// it to that one.
class Supervisor : public detail::Closing<kvreg_supervisor_stop> {
public:
    using Closing::Closing;

    static Result<Supervisor> start(const SupervisorOptions &options = {}) { return start_below(0, options); }
    /// Starts a supervisor as a child of this one.
    Result<Supervisor> add_supervisor(const SupervisorOptions &options = {}) const {
        return id() == 0 ? Result<Supervisor>(Status::bad_handle) : start_below(id(), options);
    }

    /// Adds a worker and starts it: `supervisor.add([](kvreg::Worker worker) { while (worker.sleep(1s)) ... })`. The
    /// function is moved here and called once for each start, on a thread of its own. It gives nothing, a number (0 is
    /// its normal end), a Status or a Result; a failure, or what it throws, is a failure of the worker.
    template <class Function, bool Catches = detail::catches> Result<Worker> add(Function function) const {
        return add<Function, Catches>(WorkerOptions{}, std::move(function));
    }
    template <class Function, bool Catches = detail::catches>
    Result<Worker> add(const WorkerOptions &options, Function function) const {
        static_assert(std::is_invocable_v<Function &, Worker>, "a worker's function takes a Worker");
        static_assert(!std::is_same_v<std::invoke_result_t<Function &, Worker>, bool>,
                      "true or false: which of them is a failure?");
        using Working = detail::Working<Function, Catches>;
        kvreg_worker_options raw = KVREG_WORKER_OPTIONS_INIT;
        raw.name = options.name.data() != nullptr ? options.name.data() : "";
        raw.name_len = options.name.size();
        raw.restart = static_cast<std::uint32_t>(options.restart);
        raw.timeout_ms = detail::to_ms(options.patience);
        kvreg_worker worker = 0;
        const kvreg_status code = kvreg_supervisor_add(id(), &raw, &Working::call, new Working{std::move(function)},
                                                       &Working::destroy, &worker);
        return detail::given(code, Worker(worker));
    }

    /// Ends it now: its children are told to stop, the last first. Status::timed_out if some were left behind.
    Result<void> stop() const { return close(); }
    /// Waits until it has ended for good: State::stopped, or State::failed if it gave up. Status::timed_out if it runs.
    Result<State> wait(std::chrono::milliseconds patience = for_ever) const {
        std::uint32_t state = 0;
        const kvreg_status code = kvreg_supervisor_wait(id(), detail::to_ms(patience), &state);
        return detail::given(code, static_cast<State>(state));
    }
    Result<kvreg_supervisor_info> stats() const {
        kvreg_supervisor_info info = KVREG_SUPERVISOR_INFO_INIT;
        const kvreg_status code = kvreg_supervisor_stats(id(), &info);
        return detail::given(code, info);
    }
    /// The ids of its children, in their order: workers and supervisors.
    Result<std::vector<std::uint64_t>> children() const {
        std::vector<std::uint64_t> ids(16);
        for (;;) {
            const std::int64_t count = kvreg_supervisor_children(id(), ids.data(), ids.size());
            if (count < 0) return detail::to_status(count);
            const bool done = static_cast<std::size_t>(count) <= ids.size();
            ids.resize(static_cast<std::size_t>(count));
            if (done) return ids;
        }
    }
    /// The tree below it, as text for people.
    Result<std::string> describe() const {
        return detail::fill([&](void *to, std::size_t n) { return kvreg_supervisor_describe(id(), to, n); });
    }

private:
    static Result<Supervisor> start_below(kvreg_supervisor parent, const SupervisorOptions &options) {
        kvreg_supervisor_options raw = KVREG_SUPERVISOR_OPTIONS_INIT;
        raw.name = options.name.data() != nullptr ? options.name.data() : "";
        raw.name_len = options.name.size();
        raw.strategy = static_cast<std::uint32_t>(options.strategy);
        raw.max_restarts = options.max_restarts;
        if (options.window.count() < 0) return Status::invalid_argument;
        raw.window_ms = static_cast<std::uint64_t>(options.window.count());
        raw.parent = parent;
        raw.restart = static_cast<std::uint32_t>(options.restart);
        kvreg_supervisor id = 0;
        const kvreg_status code = kvreg_supervisor_start(&raw, &id);
        return detail::given(code, Supervisor(id));
    }
};

/// How much a record of the log matters.
enum class LogLevel : std::uint32_t {
    debug = KVREG_LOG_DEBUG, info = KVREG_LOG_INFO, warn = KVREG_LOG_WARN, error = KVREG_LOG_ERROR,
};

template <class Function, bool Catches>
void detail::Logging<Function, Catches>::call(void *data, std::uint32_t level, const char *text,
                                              std::size_t size) noexcept {
    auto &self = *static_cast<Logging *>(data);
#if defined(__cpp_exceptions)
    try {
        self.function(static_cast<LogLevel>(level), std::string_view(text, size));
    } catch (...) {
    }
#else
    self.function(static_cast<LogLevel>(level), std::string_view(text, size));
#endif
}

/// Has all that kvreg has to say for itself given to `function(LogLevel, std::string_view)`, from this level on, in place
/// of the function before. It is called in the thread in which the thing happened, by several at a time; what it throws
/// is swallowed.
template <class Function, bool Catches = detail::catches>
Result<void> set_log(LogLevel least, Function function) {
    static_assert(std::is_invocable_v<Function &, LogLevel, std::string_view>, "it takes a level and a text");
    using Logging = detail::Logging<Function, Catches>;
    return detail::to_status(kvreg_log_set(static_cast<std::uint32_t>(least), &Logging::call,
                                           new Logging{std::move(function)}, &Logging::destroy));
}
/// Silence, as in the beginning.
inline Result<void> clear_log() { return detail::to_status(kvreg_log_set(KVREG_LOG_ERROR, nullptr, nullptr, nullptr)); }

/// How Registry::start starts one; see kvreg_options.
struct StartOptions {
    /// How many events are remembered for subscriptions that begin in the past; 0: 1,024, from the first listener on.
    std::uint64_t history = 0;
    /// When its threads die more often than this in the window, it makes no more changes to its table.
    std::uint32_t max_restarts = 3;
    std::chrono::milliseconds restart_window = std::chrono::seconds(5);
    /// How long a change to a bucket waits while an update function or a commit in another thread has that bucket: then it
    /// is Status::timed_out, and nothing has changed.
    std::chrono::milliseconds busy_timeout = for_ever;
};

/// A registry. The object that started it stops it when it is destroyed; any other only looks at it.
class Registry {
public:
    /// Starts one that has no process-wide name.
    static Result<Registry> start() { return start_with({}, StartOptions()); }
    static Result<Registry> start(const StartOptions &options) { return start_with({}, options); }

    /// The registry of this process-wide name, shared by all languages and libraries of the process. Starts it if
    /// there is none; if there is one, the object only looks at it (see owns()), and the options count for nothing.
    static Result<Registry> start(std::string_view name) { return start_with(name, StartOptions()); }
    static Result<Registry> start(std::string_view name, const StartOptions &options) {
        return start_with(name, options);
    }

    /// Looks at the registry that runs under this process-wide name; empty if there is none. Starts nothing.
    static Result<std::optional<Registry>> find(std::string_view name) {
        kvreg_registry id = 0;
        const kvreg_status code = kvreg_registry_find(name.data(), name.size(), &id);
        return detail::found(code, Registry(id, false));
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

    /// Its process-wide name; empty if it has none.
    Result<std::optional<std::string>> name() const {
        auto name = detail::fill([&](void *to, std::size_t n) { return kvreg_registry_name(id_, to, n); });
        if (name) return std::optional<std::string>(std::move(*name));
        if (name.status() == Status::not_found) return std::optional<std::string>();
        return name.status();
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
    /// As create(), and says how it is made: `registry.create_with("cart", {session})`. The options count only if this
    /// call makes the bucket; then the handle is full, whatever its access.
    Result<Created> create_with(std::string_view name, const CreateOptions &options) const {
        kvreg_bucket_options raw = KVREG_BUCKET_OPTIONS_INIT;
        raw.owner = options.owner.id();
        raw.heir = options.heir.id();
        raw.access = static_cast<std::uint32_t>(options.access);
        raw.ttl_ms = detail::to_ms(options.ttl);
        raw.idle_ms = detail::to_ms(options.idle);
        kvreg_bucket id = 0;
        bool created = false;
        const kvreg_status code = kvreg_create_with(id_, name.data(), name.size(), &raw, &id, &created);
        return detail::given(code, Created{Bucket(id), created});
    }
    /// The bucket of this name. If there is none, `loader(Bucket)` fills it first, in this thread; nobody finds the
    /// bucket before that is done. It gives nothing, a Status or a Result, whose failure is the call's. However many
    /// threads ask for one name, one loader runs; the others wait for it, up to `patience` (Status::timed_out), and
    /// share its answer. If it throws, the exception goes on from here, the others get Status::failed, and the bucket
    /// dies unseen. What a loader may do is said in kvreg.h.
    template <class Function, bool Catches = detail::catches>
    Result<Bucket> get_or_create(std::string_view name, Function &&loader,
                                 std::chrono::milliseconds patience = for_ever) const {
        static_assert(std::is_invocable_v<Function &, Bucket>, "a loader takes a Bucket");
        kvreg_load_options options = KVREG_LOAD_OPTIONS_INIT;
        options.timeout_ms = detail::to_ms(patience);
        detail::Loader<Function, Catches> load{loader};
        kvreg_bucket id = 0;
        const Status status = load.end(
            kvreg_get_or_create(id_, name.data(), name.size(), &options, &load.call, &load, nullptr, &id));
        if (status != Status::ok) return status;
        return Bucket(id);
    }
    /// The buckets of many names, in the order of the names, for half the price of as many calls. Takes what yields
    /// names: a vector, a set, or `{"shopping", "work"}`. A list with a wrong name makes none; after another failure
    /// some may be there.
    template <class Names = std::initializer_list<std::string_view>>
    Result<std::vector<Bucket>> create_many(Names &&names) const {
        const detail::Packer list(names);
        if (list.status() != Status::ok) return list.status();
        std::vector<kvreg_bucket> ids(list.count());
        std::size_t count = 0;
        const kvreg_status code =
            kvreg_create_many(id_, list.data(), list.size(), ids.data(), ids.size(), &count);
        return detail::given(code, std::vector<Bucket>(ids.begin(), ids.end()));
    }
    /// The bucket of this name, or none. Never waits for anybody.
    Result<std::optional<Bucket>> lookup(std::string_view name) const {
        return detail::find<Bucket, kvreg_bucket>(kvreg_lookup, id_, name.data(), name.size());
    }
    /// How it stands: see kvreg_stats.
    Result<kvreg_stats> stats() const {
        kvreg_stats stats = KVREG_STATS_INIT;
        const kvreg_status code = kvreg_registry_stats(id_, &stats);
        return detail::given(code, stats);
    }
    /// The same as text: a line `name value` for each, and one about each handler and subscription.
    Result<std::string> describe() const {
        return detail::fill([&](void *to, std::size_t n) { return kvreg_registry_describe(id_, to, n); });
    }
    /// How many names it has.
    Result<std::uint64_t> count() const { return detail::number(kvreg_registry_count, id_); }
    /// How many creates and exits it has seen.
    Result<std::uint64_t> revision() const { return detail::number(kvreg_registry_revision, id_); }
    /// All names and their buckets as they were at one revision, in no particular order.
    Result<std::vector<std::pair<std::string, Bucket>>> names() const {
        const auto packed = dump();
        if (!packed) return packed.status();
        auto list = unpack_names(*packed);
        if (!list) return list.status();
        std::vector<std::pair<std::string, Bucket>> names;
        for (const auto &[name, bucket] : *list) names.emplace_back(std::string(name), bucket);
        return names;
    }
    /// The same as a packed list: for unpack_names.
    Result<std::string> dump() const {
        return detail::fill([&](void *to, std::size_t n) { return kvreg_registry_dump(id_, to, n); });
    }
    /// The names and the contents of all buckets as they are now, all at the same moment. It costs the same for ten
    /// names as for ten million.
    Result<Snapshot> snapshot() const { return detail::number<Snapshot>(kvreg_snapshot_take, id_); }

    // --- its directory: objects under a kind and a key, found from any thread
    /// Registers an object, which the entry keeps alive: until it is unregistered, its owner ends, or the registry. If the
    /// key is taken, gives the entry that has it. The last reference may go in the thread that ends the entry, or in one
    /// that uses it at that moment.
    template <class T>
    Result<Registered> register_object(std::string_view kind, std::string_view key, std::shared_ptr<T> object,
                                       const RegisterOptions &options = {}) const {
        kvreg_register_options raw = KVREG_REGISTER_OPTIONS_INIT;
        raw.owner = options.owner.id();
        raw.flags = options.duplicate ? KVREG_REGISTER_DUPLICATE : 0;
        auto shared = std::make_unique<detail::Shared>(std::move(object));
        const kvreg_object counted = {shared.get(), &detail::Shared::retain, &detail::Shared::release};
        kvreg_entry id = 0;
        const kvreg_status code =
            kvreg_register(id_, kind.data(), kind.size(), key.data(), key.size(), &counted, &raw, &id);
        if (code == KVREG_OK) static_cast<void>(shared.release()); // the entry's now
        return detail::given(code == KVREG_EXISTS ? KVREG_OK : code, Registered{Entry(id), code == KVREG_OK});
    }
    /// The object that is registered under a kind and a key, of duplicates the oldest; empty if there is none.
    /// Status::wrong_type if it was not registered as a std::shared_ptr<T> of just this T.
    template <class T> Result<std::optional<std::shared_ptr<T>>> whereis(std::string_view kind, std::string_view key) const {
        kvreg_object raw{};
        const kvreg_status code =
            kvreg_whereis(id_, kind.data(), kind.size(), key.data(), key.size(), &raw, nullptr);
        if (code == KVREG_NOT_FOUND) return std::optional<std::shared_ptr<T>>();
        if (code != KVREG_OK) return detail::to_status(code);
        auto object = detail::Shared::take<T>(raw);
        if (!object) return object.status();
        return std::optional(std::move(*object));
    }
    /// Calls `function(Entry, const std::shared_ptr<T> &)` for every entry of a kind and a key whose object is a T, in
    /// the order in which they were registered; gives for how many. The function may make every call; if it throws, the
    /// rest is left out and the exception goes on from here.
    template <class T, class Function, bool Catches = detail::catches>
    Result<std::uint64_t> dispatch(std::string_view kind, std::string_view key, Function &&function) const {
        detail::Dispatcher<T, Function, Catches> dispatcher{function};
        return dispatcher.end(kvreg_dispatch(id_, kind.data(), kind.size(), key.data(), key.size(), &dispatcher.call,
                                             &dispatcher, nullptr, nullptr));
    }
    /// The entries of a kind and a key, in the order in which they were registered.
    Result<std::vector<Entry>> entries(std::string_view kind, std::string_view key) const {
        std::vector<kvreg_entry> ids;
        for (;;) {
            std::size_t count = 0;
            const kvreg_status code = kvreg_entry_list(id_, kind.data(), kind.size(), key.data(), key.size(),
                                                       ids.data(), ids.size(), &count);
            if (code != KVREG_OK) return detail::to_status(code);
            const bool all = count <= ids.size();
            ids.resize(count);
            if (all) return std::vector<Entry>(ids.begin(), ids.end());
        }
    }
    /// Its events, to be taken.
    Result<Subscription> subscribe(const SubscribeOptions &options = {}) const {
        kvreg_subscribe_options raw = KVREG_SUBSCRIBE_OPTIONS_INIT;
        raw.events = static_cast<std::uint32_t>(options.events);
        options.of.into(raw);
        options.from.into(raw);
        raw.capacity = options.capacity;
        raw.overflow = static_cast<std::uint32_t>(options.overflow);
        raw.block_ms = options.block == for_ever ? std::numeric_limits<std::int64_t>::max() : options.block.count();
        raw.owner = options.owner.id();
        kvreg_subscription id = 0;
        const kvreg_status code = kvreg_subscribe(id_, &raw, &id);
        return detail::given(code, Subscription(id));
    }
    /// Calls `function(const EventView &event)` for its events from now on, until the Handler is destroyed; one call at a
    /// time, and in order. It gives void, or a Status or Result; a failure, or an exception, ends the handler unless it is
    /// to be kept. What it may do is said in kvreg.h. It is copied or moved, and destroyed when the handler has ended.
    template <class Function, bool Catches = detail::catches>
    Result<Handler> on(const HandlerOptions &options, Function &&function) const {
        static_assert(std::is_invocable_v<std::decay_t<Function> &, const EventView &>,
                      "a handler takes a const EventView &");
        using Handling = detail::Handling<std::decay_t<Function>, Catches>;
        kvreg_handler_options raw = KVREG_HANDLER_OPTIONS_INIT;
        raw.events = static_cast<std::uint32_t>(options.events);
        options.of.into(raw);
        raw.mode = static_cast<std::uint32_t>(options.mode);
        raw.flags = options.keep ? KVREG_HANDLER_KEEP : 0;
        raw.limit_ms = detail::to_ms(options.limit);
        raw.capacity = options.capacity;
        raw.owner = options.owner.id();
        kvreg_handler id = 0;
        auto *handling = new Handling{std::forward<Function>(function)};
        const kvreg_status code =
            kvreg_handler_add(id_, &raw, &Handling::call, handling, &Handling::destroy, &id); // destroys it on errors
        return detail::given(code, Handler(id));
    }
    /// The same for all creates and exits, before the calls return that make them.
    template <class Function, bool Catches = detail::catches> Result<Handler> on(Function &&function) const {
        return on<Function, Catches>(HandlerOptions{}, std::forward<Function>(function));
    }
    /// Waits until everything that happened before is told: to subscriptions, and by all handlers.
    Result<void> sync(std::chrono::milliseconds patience = for_ever) const {
        return detail::to_status(kvreg_sync(id_, detail::to_ms(patience)));
    }
    /// An empty batch for its buckets.
    Result<Batch> batch() const { return detail::number<Batch>(kvreg_batch_new, id_); }

private:
    Registry(kvreg_registry id, bool owns) noexcept : id_(id), owns_(owns) {}

    static Result<Registry> start_with(std::optional<std::string_view> name, const StartOptions &options) {
        if (options.restart_window.count() < 0) return Status::invalid_argument;
        kvreg_options raw = KVREG_OPTIONS_INIT;
        if (name) {
            // Here NULL would not be the empty name but no name at all.
            raw.name = name->data() != nullptr ? name->data() : "";
            raw.name_len = name->size();
        }
        raw.history = options.history;
        raw.max_restarts = options.max_restarts;
        raw.restart_window_ms = static_cast<std::uint64_t>(options.restart_window.count());
        raw.busy_ms = detail::to_ms(options.busy_timeout);
        kvreg_registry id = 0;
        const kvreg_status code = kvreg_start(&raw, &id);
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

template <> struct std::hash<kvreg::Entry> {
    std::size_t operator()(kvreg::Entry entry) const noexcept { return std::hash<kvreg_entry>()(entry.id()); }
};

#endif // KVREG_HPP
