#include "tools/demo_image/server/session_page.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "tools/demo_image/server/text.hpp"

namespace platen::demo {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_limit = 100;
constexpr std::size_t shown_bytes_limit = 64 * 1024;

constexpr const char* head = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Platen demo</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
dt { font-weight: 600; margin-top: 1rem; }
dd { margin: 0; }
pre { background: #8882; padding: .6rem .8rem; border-radius: .4rem; overflow-x: auto; margin: .2rem 0; }
</style>
</head>
<body>
)";

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  while (!error && entry != fs::recursive_directory_iterator() && files.size() < files_limit) {
    if (entry->is_regular_file(error) && !entry->is_symlink(error)) files.push_back(entry->path());
    entry.increment(error);
  }
  std::ranges::sort(files);
  return files;
}

std::string seconds(std::chrono::milliseconds duration) {
  return std::to_string(duration.count() / 1000) + "." +
         std::to_string(duration.count() % 1000 / 100);
}

std::string story(const warm_up_result& warmth, bool is_clone) {
  const std::string work = "counting " + std::to_string(warmth.primes) + " primes for " +
                           seconds(warmth.took) + " seconds";
  return is_clone
             ? "This is a clone. Its template warmed up by " + work + "; the clone did not have to."
             : "This is an ordinary instance. It warmed up by " + work + ".";
}

}  // namespace

std::string session_page(const std::string& session_folder, const warm_up_result& warmth,
                         bool is_clone) {
  std::string page = head;
  page += "<h1>" + html_escaped(host_name()) + "</h1>\n<p>" + story(warmth, is_clone) + "</p>\n";
  page += "<p>Boot ID " + html_escaped(read_line("/proc/sys/kernel/random/boot_id")) +
          ", more at <a href=\"/id\">/id</a>.</p>\n";
  page += "<h2>" + html_escaped(session_folder) + "</h2>\n";
  const auto files = files_below(session_folder);
  if (files.empty()) page += "<p>There are no files here.</p>\n";
  page += files.empty() ? "" : "<dl>\n";
  for (const fs::path& file : files) {
    page += "<dt>" + html_escaped(file.lexically_relative(session_folder).string()) +
            "</dt>\n<dd><pre>" + html_escaped(read_file(file.string(), shown_bytes_limit)) +
            "</pre></dd>\n";
  }
  page += files.empty() ? "" : "</dl>\n";
  return page + "</body>\n</html>\n";
}

}  // namespace platen::demo
