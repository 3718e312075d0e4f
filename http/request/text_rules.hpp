// Rules for names and other short texts from outside. All are pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace platen::http {

inline constexpr std::size_t name_limit = 63;
inline constexpr std::size_t path_limit = 255;

// Of instances, templates and ROMs: 1 to 63 of A-Z a-z 0-9 . _ - and the first is alphanumeric.
bool is_name(std::string_view text);
inline constexpr std::string_view name_rule =
    "1 to 63 characters of A-Z, a-z, 0-9, '.', '_' and '-', beginning with a letter or digit";

// Eight-four-four-four-twelve hexadecimal digits.
bool is_uuid(std::string_view text);
std::string to_lower(std::string_view text);

// A DNS label.
bool is_hostname(std::string_view text);
inline constexpr std::string_view hostname_rule =
    "1 to 63 characters of a-z, A-Z, 0-9 and '-', neither beginning nor ending with '-'";

// repository[:tag][@digest], at most 255 characters.
bool is_image_name(std::string_view text);
inline constexpr std::string_view image_rule =
    "an image name such as 'demo' or 'team/demo:v1', at most 255 characters of A-Z, a-z, 0-9 and "
    "'._-/:@', beginning with a letter or digit";

// Of an environment variable: [A-Za-z_][A-Za-z0-9_.-]*, at most 255 characters.
bool is_variable_name(std::string_view text);

// Control characters have no place in arguments and variables but tab and line ends; NUL would
// cut them short.
bool has_forbidden_control(std::string_view text);

// An absolute path in the guest without ".", ".." and doubled or final slashes; nothing for a
// relative path, the root, one above the root, or one that is too long.
std::optional<std::string> normalise_mount_point(std::string_view text);
bool is_reserved_mount_point(std::string_view normalised);  // /uk, /proc, /sys, /dev and below

// A relative path of a ROM's file without "." and doubled slashes; nothing if it is empty,
// absolute, leaves its root, names a folder or is too long.
std::optional<std::string> normalise_file_path(std::string_view text);

}  // namespace platen::http
