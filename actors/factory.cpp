#include "actors/factory.hpp"

namespace platen::actors {
namespace {

using vm_template::lifecycle;

events::vm_spec spec_of(const factory_settings& how) {
  events::vm_spec spec;
  spec.image = how.image;
  spec.memory_mb = how.memory_mb;
  spec.vcpus = how.vcpus;
  return spec;
}

// What a clone cannot change any more. "'memory_mb' and 'env' differ", or nothing.
std::string frozen_differences(const events::vm_spec& a, const events::vm_spec& b) {
  std::vector<std::string_view> names;
  if (a.image != b.image) names.emplace_back("'image'");
  if (a.args != b.args) names.emplace_back("'args'");
  if (a.env != b.env) names.emplace_back("'env'");
  if (a.memory_mb != b.memory_mb) names.emplace_back("'memory_mb'");
  if (a.vcpus != b.vcpus) names.emplace_back("'vcpus'");
  std::string text;
  for (const auto& name : names)
    text += (text.empty() ? "" : name == names.back() ? " and " : ", ") + std::string(name);
  return text.empty() ? text : text + (names.size() == 1 ? " differs" : " differ");
}

factory_status status_of_enabled(const factory_settings& how, const vm_template::state& there) {
  if (const auto differing = frozen_differences(there.spec, spec_of(how)); !differing.empty())
    return {factory_state::stale, "its template was made with another configuration: " + differing +
                                      "; `platen factory init` makes it anew"};
  if (stale(there)) return {factory_state::stale, there.last_failure->reason};
  switch (there.phase) {
    case lifecycle::snapshotted:
      return {factory_state::on, ""};
    case lifecycle::preparation_failed:
      return {factory_state::failed,
              there.last_failure ? there.last_failure->stage + ": " + there.last_failure->reason
                                 : "its preparation failed"};
    case lifecycle::requested:
    case lifecycle::waiting_for_parent:
    case lifecycle::preparing:
    case lifecycle::awaiting_guest_signal:
    case lifecycle::snapshotting:
      return {factory_state::preparing,
              "its template is being prepared (" + std::string(to_string(there.phase)) + ")"};
    default:
      return {factory_state::not_prepared,
              "its template has not been prepared; run `platen factory init`"};
  }
}

}  // namespace

template_wish factory_wish(const factory_settings& how) {
  template_wish wish;
  wish.which.name = factory_template_name;
  wish.prepare = true;
  wish.create_args = spec_of(how);
  wish.prepare_timeout_ms = how.prepare_timeout_ms;
  return wish;
}

std::string_view to_string(factory_state value) {
  switch (value) {
    case factory_state::not_enabled:
      return "not_enabled";
    case factory_state::not_prepared:
      return "not_prepared";
    case factory_state::preparing:
      return "preparing";
    case factory_state::failed:
      return "failed";
    case factory_state::stale:
      return "stale";
    case factory_state::on:
      return "on";
  }
  return "";
}

factory_status status_of(const factory_settings& how, const vm_template::state* there) {
  const bool exists = there != nullptr && !gone(*there);
  if (!how.enabled)
    return {factory_state::not_enabled,
            std::string("enable_template in the section [factory] of platend's configuration is "
                        "not true") +
                (exists ? "; the template of an earlier configuration is still there" : "")};
  if (!exists)
    return {factory_state::not_prepared, "there is no template; run `platen factory init`"};
  return status_of_enabled(how, *there);
}

factory_choice choose_factory(const factory_settings& how, const events::vm_spec& wanted,
                              const vm_template::state* there) {
  if (!how.enabled || wanted.image != how.image) return {};
  if (const auto differing = frozen_differences(wanted, spec_of(how)); !differing.empty())
    return {std::nullopt, "booted, not cloned from the factory's template: " + differing};
  const auto status = status_of(how, there);
  if (status.is != factory_state::on)
    return {std::nullopt, "booted, not cloned from the factory's template: " + status.why};
  template_wish wish;
  // Not by its name: what comes after it may be made of something else.
  wish.which.uuid = there->id;
  return {std::move(wish), ""};
}

}  // namespace platen::actors
