// packages.hpp - reads the list of installed Debian packages, or of this project's crates, into plain structs.
#ifndef TOUR_PACKAGES_HPP
#define TOUR_PACKAGES_HPP

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tour {

struct Package {
    std::string name, version, section, description;
    std::optional<std::string> homepage;
    std::optional<std::int64_t> installed_kib; // unknown for crates
    std::int64_t dependencies = 0;
    bool essential = false;
    bool installed = true; // false for one that was removed and left its settings behind
};

namespace detail {

inline bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

inline bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

inline std::string_view between_quotes(std::string_view text) {
    const auto from = text.find('"'), to = text.rfind('"');
    return from == std::string_view::npos || from == to ? std::string_view() : text.substr(from + 1, to - from - 1);
}

// "libc6 (>= 2.34), libssl3" are two.
inline std::int64_t count_list(std::string_view list) {
    return list.empty() ? 0 : 1 + std::count(list.begin(), list.end(), ',');
}

// One paragraph per package, one field per line; a line that begins with a blank goes on with the field before.
inline void debian_line(std::string_view line, Package &package) {
    const auto colon = line.find(": ");
    if (line.empty() || line[0] == ' ' || colon == std::string_view::npos) return;
    const std::string_view field = line.substr(0, colon), text = line.substr(colon + 2);
    if (field == "Package") package.name = text;
    else if (field == "Status") package.installed = ends_with(text, " installed");
    else if (field == "Version") package.version = text;
    else if (field == "Section") package.section = text;
    else if (field == "Description") package.description = text;
    else if (field == "Homepage") package.homepage = std::string(text);
    else if (field == "Installed-Size") package.installed_kib = std::strtoll(std::string(text).c_str(), nullptr, 10);
    else if (field == "Depends" || field == "Pre-Depends") package.dependencies += count_list(text);
    else if (field == "Essential") package.essential = text == "yes";
}

// [[package]] begins one; `name = "..."` and so on; each dependency is a quoted line of its own.
inline void cargo_line(std::string_view line, Package &package) {
    if (starts_with(line, "name = ")) package.name = between_quotes(line);
    else if (starts_with(line, "version = ")) package.version = between_quotes(line);
    else if (starts_with(line, "source = ")) package.description = between_quotes(line);
    else if (starts_with(line, " \"")) package.dependencies += 1;
    package.section = "crates";
}

} // namespace detail

// All packages of the file, each name once.
inline std::vector<Package> read_packages(const std::string &path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    const bool cargo = detail::ends_with(path, ".lock");
    std::vector<Package> packages;
    // One name may be installed for two architectures, or locked in two versions: the first one counts.
    std::set<std::string> names;
    Package package;
    const auto finish = [&] {
        const bool counts = package.installed && !package.name.empty();
        if (counts && names.insert(package.name).second) packages.push_back(std::move(package));
        package = Package();
    };
    for (std::string line; std::getline(file, line);) {
        if (cargo ? line == "[[package]]" : line.empty()) finish();
        else if (cargo) detail::cargo_line(line, package);
        else detail::debian_line(line, package);
    }
    finish();
    if (packages.empty()) throw std::runtime_error("no package in " + path);
    return packages;
}

} // namespace tour
#endif
