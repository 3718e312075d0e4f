#include "hypervisor/images/image_record.hpp"

#include <nlohmann/json.hpp>

#include "hypervisor/images/messages.hpp"

namespace platen::hypervisor::images {
namespace {

using nlohmann::json;

constexpr int format_version = 1;

// Environment variables and arguments are bytes; what is not UTF-8 in them is replaced.
std::string dump(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

json config_to_json(const image_config& config) {
  return {{"entrypoint", config.entrypoint},
          {"cmd", config.cmd},
          {"env", config.env},
          {"workdir", config.workdir},
          {"user", config.user}};
}

image_config config_from_json(const json& value) {
  return {.entrypoint = value.at("entrypoint").get<std::vector<std::string>>(),
          .cmd = value.at("cmd").get<std::vector<std::string>>(),
          .env = value.at("env").get<std::map<std::string, std::string>>(),
          .workdir = value.at("workdir").get<std::string>(),
          .user = value.at("user").get<std::string>()};
}

void check_version(const json& value) {
  if (value.at("version").get<int>() != format_version)
    throw json::other_error::create(500, "it was written by another version", &value);
}

}  // namespace

std::string to_json(const image& record) {
  return dump({{"version", format_version},
               {"digest", record.digest},
               {"config", config_to_json(record.config)},
               {"size_bytes", record.size_bytes},
               {"created_us", record.created_us}},
              2) +
         "\n";
}

tl::expected<image, std::string> image_from_json(std::string_view text) {
  try {
    const json value = json::parse(text);
    check_version(value);
    image record;
    record.digest = value.at("digest").get<std::string>();
    record.config = config_from_json(value.at("config"));
    record.size_bytes = value.at("size_bytes").get<std::uint64_t>();
    record.created_us = value.at("created_us").get<std::int64_t>();
    return record;
  } catch (const json::exception& error) {
    return failure(std::string("image.json cannot be read: ") + error.what());
  }
}

std::string canonical_text(const image_config& config) {
  return dump(config_to_json(config), -1);
}

std::string names_to_json(const std::map<std::string, std::string>& names) {
  return dump({{"version", format_version}, {"names", names}}, 2) + "\n";
}

tl::expected<std::map<std::string, std::string>, std::string> names_from_json(
    std::string_view text) {
  try {
    const json value = json::parse(text);
    check_version(value);
    return value.at("names").get<std::map<std::string, std::string>>();
  } catch (const json::exception& error) {
    return failure(std::string("names.json cannot be read: ") + error.what());
  }
}

}  // namespace platen::hypervisor::images
