#include "http/request/exchange.hpp"
#include "http/request/json_body.hpp"
#include "http/request/query_reader.hpp"
#include "http/request/targets.hpp"
#include "http/request/text_rules.hpp"
#include "http/routes/api.hpp"
#include "http/routes/image_import.hpp"
#include "http/view/entity_view.hpp"

namespace platen::http {
namespace {

// "v1" of "team/demo:v1"; the colon of a registry's port is not meant.
std::string_view tag_of(std::string_view name) {
  name = name.substr(0, name.find('@'));
  const auto colon = name.rfind(':');
  const bool is_tag =
      colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos;
  return is_tag ? name.substr(colon + 1) : std::string_view();
}

answer_or_error<reply> list_images(api& with, const api_request& request) {
  first_problem problem;
  query_reader query(request.http.target, problem);
  const auto digest = query.text("digest", path_limit);
  const auto tag = query.text("tag", path_limit);
  query.refuse_others();
  if (!is_blank(request.http.body)) problem.report("this request takes no body");
  if (problem.found()) return tl::unexpected(*problem.error());
  item_list items("images");
  for (const auto& image : with.on.images.list()) {
    const bool wanted =
        (!digest || *digest == image.digest) && (!tag || *tag == tag_of(image.name));
    if (wanted) items.succeeded(to_json(image));
  }
  return std::move(items).finish();
}

answer_or_error<std::vector<std::string>> read_names(const api& with, const api_request& request) {
  first_problem problem;
  query_reader(request.http.target, problem).refuse_others();
  if (problem.found()) return tl::unexpected(*problem.error());
  const auto body = parse_json(request.http.body, "the request body");
  if (!body) return tl::unexpected(body.error());
  std::vector<std::string> names;
  for (const auto* value : body_items(*body, false, with.how.bounds.bulk_items, problem)) {
    object_reader item(*value, body->is_array() ? "[" + std::to_string(names.size()) + "]" : "",
                       problem);
    names.push_back(item.text("url", path_limit).value_or(""));
    if (!is_image_name(names.back())) item.report("url", "must be " + std::string(image_rule));
    item.not_supported_yet({"uuid"});
    item.refuse_others();
    if (problem.found()) break;
  }
  if (names.empty()) problem.report("name at least one image by 'url'");
  if (problem.found()) return tl::unexpected(*problem.error());
  return names;
}

bool is_known(const hypervisor::image_store& store, const std::string& name) {
  return store.find(name).has_value();
}

answer_or_error<reply> delete_images(api& with, const api_request& request) {
  const auto names = read_names(with, request);
  if (!names) return tl::unexpected(names.error());
  item_list items("images");
  for (const auto& name : *names) {
    json_object fields{{"url", name}};
    // An earlier run of this request may have removed it; it is gone, as was asked for.
    const bool repeated = request.key && request.key->earlier_run != 0;
    if (!is_known(with.on.images, name) && repeated) {
      items.succeeded(std::move(fields));
      continue;
    }
    if (!is_known(with.on.images, name)) {
      items.failed(std::move(fields), "No image with url '" + name + "'", item_code::not_found);
      continue;
    }
    const auto removed = with.on.images.remove(name);
    if (removed)
      items.succeeded(std::move(fields));
    else
      items.failed(std::move(fields), removed.error(), item_code::failed_operation);
  }
  return std::move(items).finish();
}

}  // namespace

void add_image_routes(route_table& on, apis& with) {
  for (const auto* path : {"/v1/images", "/v1/image-store", "/v1/images/list"})
    route(on, with, method::get, path, list_images);
  route(on, with, method::del, "/v1/images", delete_images, audience::operators);
  on.add_upload(
      image_import_path,
      [&with = with.operators()](const httplib::Request& request, httplib::Response& response,
                                 const httplib::ContentReader& body) {
        exchange::send(response, import_image(with, exchange::of_this_thread(), request, body));
      },
      [](const httplib::Request&, httplib::Response& response) {
        exchange::of_this_thread().answer(
            response, to_reply({400, "the request body must be a tar archive of the image", {}}));
      });
}

}  // namespace platen::http
