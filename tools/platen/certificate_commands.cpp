// platen certificate add|ls|rm, platen ca
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "tools/platen/commands.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

constexpr std::uintmax_t pem_bytes_limit = 256 * 1024;

result<void> list(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto all = fetch_all(*api, certificates());
  if (!all) return tl::unexpected(all.error());
  if (ctx.json) {
    print_json(*all);
    return {};
  }
  table rows({"NAME", "SUBJECT", "ISSUER", "NOT AFTER", "DOMAINS", "UUID"});
  for (const auto& item : *all)
    rows.add({text_of(item, "name"), text_of(item, "subject"), text_of(item, "issuer"),
              text_of(item, "not_after"), text_of(item, "domains"), text_of(item, "uuid")});
  rows.print();
  return {};
}

result<std::string> read_file(const std::string& option, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(exit_code::usage, option + ": cannot read " + path);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (text.size() > pem_bytes_limit)
    return fail(exit_code::usage, option + ": " + path + " is too long for PEM");
  return text;
}

struct certificate_wish {
  std::string name;
  std::string chain;
  std::string key;
};

result<void> add(const context& ctx, const certificate_wish& wish) {
  const auto chain = read_file("--chain", wish.chain);
  if (!chain) return tl::unexpected(chain.error());
  const auto key = read_file("--key", wish.key);
  if (!key) return tl::unexpected(key.error());
  json body{{"chain", *chain}, {"pkey", *key}};
  if (!wish.name.empty()) body["name"] = wish.name;
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto answer = api->send(method::post, certificates().path, {}, body);
  if (!answer) return tl::unexpected(answer.error());
  const auto outcome = sort_items(*answer, certificates());
  if (outcome.worst) return tl::unexpected(*outcome.worst);
  for (const auto& item : outcome.done) {
    if (ctx.json)
      print_json(item);
    else
      std::cout << printable(text_of(item, "name")) << '\n';
  }
  return {};
}

result<void> remove(const context& ctx, const std::vector<std::string>& which) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  return remove_all(*api, certificates(), which, ctx.json);
}

result<void> print_ca(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto answer = api->send(method::get, certificates().path + "/local-ca");
  if (!answer) return tl::unexpected(answer.error());
  const auto items = answer->items(certificates().list);
  if (items.empty()) return fail(exit_code::failed, "the daemon sent no certificate");
  if (ctx.json)
    print_json(items.front());
  else
    std::cout << items.front().value("chain", std::string());
  return {};
}

}  // namespace

void add_certificate_commands(CLI::App& app, context& ctx) {
  auto* group = app.add_subcommand("certificate", "Certificates for the domains of service groups");
  group->require_subcommand(1);
  auto* make = group->add_subcommand("add", "Add a certificate chain and its key");
  const auto wish = std::make_shared<certificate_wish>();
  make->add_option("--name", wish->name, "Name; one is made up without it");
  make->add_option("--chain", wish->chain, "PEM file: the certificate, then those above it")
      ->required();
  make->add_option("--key", wish->key, "PEM file: the private key")->required();
  on_chosen(make, ctx, [&ctx, wish] { return add(ctx, *wish); });
  on_chosen(group->add_subcommand("ls", "List certificates"), ctx, [&ctx] { return list(ctx); });
  auto* rm = group->add_subcommand("rm", "Delete certificates");
  const auto names = std::make_shared<std::vector<std::string>>();
  rm->add_option("names", *names, "Names or UUIDs")->required();
  on_chosen(rm, ctx, [&ctx, names] { return remove(ctx, *names); });

  auto* ca =
      app.add_subcommand("ca", "Print the certificate of the daemon's local CA, to trust it");
  on_chosen(ca, ctx, [&ctx] { return print_ca(ctx); });
}

}  // namespace platen::cli
