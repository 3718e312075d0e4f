#include "http/routes/image_import.hpp"

#include "events/hash.hpp"
#include "http/connection/stream.hpp"
#include "http/create/vm_spec_reader.hpp"
#include "http/request/json_body.hpp"
#include "http/request/query_reader.hpp"
#include "http/request/text_rules.hpp"
#include "http/routes/answer_once.hpp"
#include "http/routes/spool_file.hpp"
#include "http/view/entity_view.hpp"

namespace platen::http {
namespace {

struct import_wish {
  std::string name;
  hypervisor::image_config config;
};

void read_env(object_reader& reader, hypervisor::image_config& into) {
  const auto* given = reader.object("env");
  if (given == nullptr) return;
  if (given->size() > env_limit)
    reader.report("env", "has more than " + std::to_string(env_limit) + " variables");
  object_reader variables(*given, reader.path_of("env"), reader.problem());
  for (const auto& [name, ignored] : given->items()) {
    if (!is_variable_name(name))
      variables.report(name, "is not a valid name of an environment variable");
    into.env[name] = variables.text(name, env_value_bytes_limit).value_or("");
    if (has_forbidden_control(into.env[name]))
      variables.report(name, "contains a control character");
  }
}

hypervisor::image_config read_config(const std::string& text, first_problem& problem) {
  hypervisor::image_config config;
  const auto value = parse_json(text, "the query parameter 'config'");
  if (!value) {
    problem.report(value.error().message);
    return config;
  }
  object_reader reader(*value, "config", problem);
  config.entrypoint = reader.texts("entrypoint", args_limit, arg_bytes_limit);
  config.cmd = reader.texts("cmd", args_limit, arg_bytes_limit);
  read_env(reader, config);
  config.workdir = reader.text("workdir", path_limit).value_or("");
  if (!config.workdir.empty() && config.workdir != "/" && !normalise_mount_point(config.workdir))
    reader.report("workdir", "must be an absolute path without '..' or control characters");
  config.user = reader.text("user", name_limit).value_or("");
  if (has_forbidden_control(config.user)) reader.report("user", "contains a control character");
  reader.refuse_others();
  return config;
}

answer_or_error<import_wish> read_wish(const std::string& target) {
  first_problem problem;
  query_reader query(target, problem);
  import_wish wish;
  wish.name = query.text("name", path_limit).value_or("");
  if (!is_image_name(wish.name)) query.report("name", "must be " + std::string(image_rule));
  if (const auto config = query.text("config", 8192)) wish.config = read_config(*config, problem);
  query.refuse_others();
  if (problem.found()) return tl::unexpected(*problem.error());
  return wish;
}

request_error upload_failed(const api& with, const spool_file& spool, bool too_large) {
  if (!spool.problem().empty()) return {507, "the upload cannot be stored: " + spool.problem(), {}};
  if (too_large)
    return {413,
            "the image is larger than the limit of " +
                std::to_string(with.how.bounds.image_upload_bytes) + " bytes",
            {}};
  return {400, "the upload ended before its announced length or stood still", {}};
}

// A request whose body has arrived.
struct upload {
  import_wish wish;
  capacity::lease place;
  spool_file spool;
  std::string sha256;  // of the body; empty unless asked for
};

answer_or_error<upload> receive(api& with, const httplib::Request& request,
                                const httplib::ContentReader& body, bool with_digest) {
  auto wish = read_wish(request.target);
  if (!wish) return tl::unexpected(wish.error());
  auto place = with.uploads.try_take();
  if (!place) return tl::unexpected(request_error{429, "too many images are being uploaded", 10});
  auto spool = spool_file::create(with.how.spool_directory);
  if (!spool) return tl::unexpected(request_error{507, spool.error(), {}});

  events::sha256 digest;
  bool too_large = false;
  const bool complete = body([&](const char* data, std::size_t size) {
    too_large = spool->size() + size > with.how.bounds.image_upload_bytes;
    if (with_digest) digest.update(std::string_view(data, size));
    return !too_large && spool->append({data, size});
  });
  if (!complete) {
    if (auto* connection = stream::of_this_thread()) connection->close_after_answer();
    return tl::unexpected(upload_failed(with, *spool, too_large));
  }
  if (spool->size() == 0)
    return tl::unexpected(
        request_error{400, "the request body must be a tar archive of the image", {}});
  return upload{*std::move(wish), *std::move(place), *std::move(spool),
                with_digest ? events::to_hex(digest.finish()) : std::string()};
}

reply import(api& with, const upload& received) {
  item_list items("images");
  const auto& wish = received.wish;
  const auto imported = with.on.images.import(wish.name, received.spool.path(), wish.config);
  if (imported)
    items.succeeded(to_json(*imported));
  else
    items.failed({{"url", wish.name}}, imported.error(), item_code::failed_operation);
  return std::move(items).finish();
}

}  // namespace

rendered_reply import_image(api& with, const exchange& current, const httplib::Request& request,
                            const httplib::ContentReader& body) {
  const auto key = read_idempotency_key(request);
  if (!key) return current.render(to_reply(key.error()));
  const auto received = receive(with, request, body, key->has_value());
  if (!received) return current.render(to_reply(received.error()));
  if (!*key) return current.render(import(with, *received));
  return answer_once(
      with, current, {**key, request.method, request.target, received->sha256},
      [&](const keyed_run&, const events::cause&) { return import(with, *received); });
}

}  // namespace platen::http
