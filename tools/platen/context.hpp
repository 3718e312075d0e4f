// What all commands share: the global options, and the connection they lead to.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "tools/platen/client.hpp"

namespace platen::cli {

// A command's work; its failure becomes the exit code.
using action = std::function<result<void>()>;

struct context {
  std::string url;    // --url, PLATEN_URL
  std::string token;  // --token, PLATEN_TOKEN
  std::string token_file;
  std::string data;                   // --data: whose token to use, and where log commands read
  std::string archive;                // --archive: of the log in --data, if it was moved
  std::vector<std::string> segments;  // --segment: files that log commands read instead
  bool json = false;
  bool progress = false;  // also where stderr is no terminal

  // Set by the subcommand that was given.
  action chosen;

  // The token comes from --token, PLATEN_TOKEN, --token-file, or the data directory, in that order.
  result<client> connect() const;
  result<endpoint> where() const;

  // --data, or the data directory platend uses when it is told nothing.
  std::filesystem::path data_dir() const;

  bool shows_progress() const;
};

void add_global_options(CLI::App& app, context& ctx);

// Makes `work` what a subcommand does.
void on_chosen(CLI::App* command, context& ctx, action work);

}  // namespace platen::cli
