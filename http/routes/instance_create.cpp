#include "http/create/create_reader.hpp"
#include "http/create/rom_storage.hpp"
#include "http/request/json_body.hpp"
#include "http/request/targets.hpp"
#include "http/routes/commands.hpp"
#include "http/routes/entity_kind.hpp"
#include "http/routes/group_certificates.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/rejections.hpp"
#include "http/routes/waiting.hpp"

namespace platen::http {
namespace {

using actors::rejection;
using created_answer = actors::answer<actors::created>;

answer_or_error<std::vector<create_request>> read_body(const api& with, const std::string& body) {
  if (is_blank(body))
    return tl::unexpected(request_error{400, "the request body must describe an instance", {}});
  const auto value = parse_json(body, "the request body");
  if (!value) return tl::unexpected(value.error());
  return read_create_requests(*value, with.how.bounds.bulk_items);
}

// A request under a key asks for the same instances however often it is sent.
void name_instances(std::vector<create_request>& wanted, const keyed_run& run) {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    wanted[i].wish.uuid = run.identity.uuid_of_item(i);
}

std::vector<created_answer> create_all(api& with, std::vector<create_request>& wanted,
                                       const events::cause& why) {
  std::vector<pending_answer<actors::created>> pending(wanted.size());
  // The ROMs of an item are durable before its events name them.
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto done = pending[i].callback();
    const auto& group = wanted[i].wish.group;
    std::optional<rejection> fault;
    if (group && group->made)
      fault = choose_certificates(with, wanted[i].certificates,
                                  wanted[i].wish.group->made->how.domains);
    if (fault)
      done(tl::unexpected(*fault));
    else if (auto stored = store_all_roms(with.on.images, with.on.roms, wanted[i]); !stored)
      done(tl::unexpected(rejection{rejection::kind::invalid, stored.error()}));
    else
      with.on.control.create(wanted[i].wish, why, done);
  }
  std::vector<created_answer> answers;
  for (const auto& one : pending)
    answers.push_back(one.wait());
  return answers;
}

std::vector<std::string> warnings_of(const create_request& wanted, const actors::created& made) {
  auto warnings = wanted.warnings;
  if (!made.note.empty()) warnings.push_back("'" + made.instance->name + "': " + made.note);
  if (made.differences.empty()) return warnings;
  std::string fields;
  for (const auto& field : made.differences)
    fields += (fields.empty() ? "'" : ", '") + field + "'";
  warnings.push_back("template '" + made.of->name + "' exists with other create_args: " + fields +
                     " differ and the template's own are used");
  return warnings;
}

// ---- the wait for a template ------------------------------------------------------------------

const actors::vm_template::failure* preparation_failure(const actors::template_ptr& of) {
  const bool failed = of != nullptr &&
                      of->phase == actors::vm_template::lifecycle::preparation_failed &&
                      of->last_failure;
  return failed ? &*of->last_failure : nullptr;
}

void add_unprepared(item_list& into, const actors::instance::state& instance,
                    const actors::vm_template::state& of,
                    const actors::vm_template::failure& failure) {
  auto fields = with_state(instance);
  fields["state"] = "stopped";
  fields["lifecycle"] = to_string(instance.phase);
  fields["failure"] = failure_json(failure);
  into.failed(
      std::move(fields),
      "template '" + of.name + "' was not prepared: " + failure.stage + ": " + failure.reason,
      item_code::failed_operation);
}

// An instance that is not to be started needs only its template. True if its item was added.
bool add_if_not_prepared(api& with, item_list& into, const create_request& wanted,
                         const actors::created& made, const wait_end& end) {
  if (made.of == nullptr || wanted.wish.autostart) return false;
  const auto of = with.on.control.wait_template(made.of->id, actors::vm_template::settled,
                                                end.deadline, end.left);
  if (of == nullptr) return false;
  if (const auto* failure = preparation_failure(of)) {
    add_unprepared(into, *made.instance, *of, *failure);
    return true;
  }
  if (actors::vm_template::settled(*of)) return false;
  if (interrupted(with, end)) into.interrupted();
  into.timed_out(with_state(*made.instance));
  return true;
}

// ---- the item ---------------------------------------------------------------------------------

void add_waited(api& with, item_list& into, const create_request& wanted,
                const actors::created& made, const wait_end& end) {
  const auto& control = with.on.control;
  if (add_if_not_prepared(with, into, wanted, made, end)) return;
  if (!wanted.wish.autostart) return into.succeeded(instance_kind::show(control, *made.instance));
  const auto latest = await_settled(with, made.instance->id, end);
  if (latest == nullptr)
    return into.failed(basics(*made.instance), "the instance was deleted", item_code::not_found);
  const auto of = made.of ? control.find_template({made.of->id, ""}) : nullptr;
  const bool failed = latest->phase == actors::instance::lifecycle::failed;
  if (const auto* failure = preparation_failure(of); failure != nullptr && failed)
    return add_unprepared(into, *latest, *of, *failure);
  add_started(with, into, *latest, 0, end, instance_kind::show(control, *latest));
}

}  // namespace

answer_or_error<reply> create_instances(api& with, const api_request& request) {
  auto wanted = read_body(with, request.http.body);
  if (!wanted) return tl::unexpected(wanted.error());

  const auto waiting =
      begin_waits(with, *wanted, [](const create_request& item) { return item.wait; });
  if (!waiting) return tl::unexpected(waiting.error());
  if (request.key) name_instances(*wanted, *request.key);
  const auto answers = create_all(with, *wanted, request.why);
  if (const auto refused = refused_as_a_whole(answers)) return tl::unexpected(*refused);

  item_list items("instances");
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto& item = (*wanted)[i];
    if (!answers[i]) {
      const actors::reference named{"", item.wish.name};
      add_refused(items, item.wish.name.empty() ? json_object::object() : to_json(named),
                  answers[i].error());
      continue;
    }
    items.warn(warnings_of(item, *answers[i]));
    if (item.wait.waits())
      add_waited(with, items, item, *answers[i], waiting->ends[i]);
    else
      items.succeeded(instance_kind::show(with.on.control, *answers[i]->instance));
  }
  return std::move(items).finish();
}

}  // namespace platen::http
