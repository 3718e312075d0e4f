// Which handler serves a request: found by its method and path in one walk along the path's parts,
// however many routes there are.
#pragma once

#include <httplib.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace platen::http {

enum class method { get, post, put, patch, del };

// Whose tokens a route is for. What tells of the whole host, or changes it, is for the operator's.
enum class audience { everybody, operators };

class route_table {
 public:
  using handler = std::function<void(const httplib::Request&, httplib::Response&)>;
  using upload_handler = httplib::Server::HandlerWithContentReader;

  struct route {
    handler serve;
    upload_handler serve_upload;  // set: takes the body as it comes, instead of `serve`
    audience open_to = audience::operators;
  };

  struct match {
    const route* to = nullptr;           // null: there is none
    std::vector<std::string> arguments;  // the path's parts that stand for "{...}", in order
  };

  // "/v1/instances/{uuid}": a part in braces stands for any text; one without is preferred to it.
  void add(method how, std::string_view pattern, handler serve,
           audience open_to = audience::operators);
  // `without_body` serves a request that has none.
  void add_upload(std::string_view pattern, upload_handler serve, handler without_body);

  // HEAD is served as GET.
  match find(std::string_view method_name, std::string_view path) const;

  // "GET /v1/instances/{uuid}" and so on, sorted.
  std::vector<std::string> names() const;

 private:
  struct node {
    std::map<std::string, std::unique_ptr<node>, std::less<>> parts;
    std::unique_ptr<node> any;
    std::string argument_name;  // of `any`, with braces
    std::array<std::unique_ptr<route>, 5> served;
  };

  std::unique_ptr<route>& place(method how, std::string_view pattern);
  static void add_names(const node& from, const std::string& path, std::vector<std::string>& into);

  node root_;
};

}  // namespace platen::http
