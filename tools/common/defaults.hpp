// What platend and platen assume when they are told nothing, in one place so that they meet.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace platen::tools {

inline constexpr std::string_view default_host = "127.0.0.1";
inline constexpr std::uint16_t default_port = 8480;
inline constexpr std::string_view default_url = "http://127.0.0.1:8480";

// $XDG_DATA_HOME/platen, or ~/.local/share/platen, or ./platen-data where there is no home.
std::filesystem::path default_data_dir();

// Where the API token lives in a data directory.
std::filesystem::path token_path(const std::filesystem::path& data);

// Where the event log and the images live in a data directory.
std::filesystem::path log_path(const std::filesystem::path& data);
std::filesystem::path lock_path(const std::filesystem::path& data);

}  // namespace platen::tools
