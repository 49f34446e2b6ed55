// terminal.hpp - what the host shows: headings, lines, a progress bar, numbers that can be read.
#ifndef TOUR_TERMINAL_HPP
#define TOUR_TERMINAL_HPP

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace tour {

// Colours and lines that change are for people who watch; a file or a pipe gets plain lines.
inline bool is_watched() {
    static const bool watched = isatty(STDOUT_FILENO) == 1;
    return watched;
}

inline void heading(int number, const char *text) {
    const bool bold = is_watched() && std::getenv("NO_COLOR") == nullptr;
    std::printf("\n%s%d  %s%s\n", bold ? "\033[1m" : "", number, text, bold ? "\033[0m" : "");
    std::fflush(stdout);
}

// 1234567 as 1,234,567.
inline std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) {
        at -= 3;
        text.insert(at, ",");
    }
    return text;
}

inline std::string grouped(double number) { return grouped(static_cast<std::uint64_t>(number + 0.5)); }

// A bar that fills. Drawn a hundred times at most, so that drawing is not what takes the time.
class Progress {
public:
    Progress(const char *what, std::uint64_t total) : what_(what), total_(total) { draw(); }
    Progress(const Progress &) = delete;
    Progress &operator=(const Progress &) = delete;

    void step() {
        done_ += 1;
        const std::uint64_t percent = total_ == 0 ? 100 : done_ * 100 / total_;
        if (percent != percent_) {
            percent_ = percent;
            draw();
        }
    }

    // Takes the bar away, or leaves it full where the bar itself says something.
    void end(bool keep) {
        if (is_watched()) std::printf(keep ? "\n" : "\r\033[K");
        else if (keep) print_bar("   ", "\n");
        std::fflush(stdout);
    }

private:
    void draw() const {
        if (!is_watched()) return;
        print_bar("\r   ", "");
        std::fflush(stdout);
    }

    void print_bar(const char *before, const char *after) const {
        static constexpr std::uint64_t width = 40;
        const auto full = static_cast<std::size_t>(total_ == 0 ? width : done_ * width / total_);
        std::printf("%s[%s%s] %" PRIu64 " of %" PRIu64 " %s%s", before, std::string(full, '#').c_str(),
                    std::string(width - full, '.').c_str(), done_, total_, what_, after);
    }

    const char *what_;
    std::uint64_t total_, done_ = 0, percent_ = 0;
};

} // namespace tour
#endif
