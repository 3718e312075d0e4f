// The gateway alone in front of one backend, until SIGTERM. For tools/bench gateway.
#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>

#include "http/gateway/gateway.hpp"
#include "http/gateway/tls.hpp"

namespace {

using namespace platen::gateway;

struct wish {
  std::uint16_t http_port = 0;
  std::uint16_t https_port = 0;
  std::uint16_t backend_port = 0;
  std::string chain_file;
  std::string key_file;
  std::size_t workers = 0;
};

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

table table_of(const wish& how, std::shared_ptr<const tls_identity> identity) {
  route to;
  to.group_id = "bench";
  to.domains = {"localhost"};
  to.soft_limit = to.hard_limit;
  to.backends = {{"backend", "127.0.0.1", how.backend_port, false}};
  table made;
  made.listeners = {{how.http_port, how.http_port, protocol::http, {to}},
                    {how.https_port, how.https_port, protocol::https, {to}}};
  made.certificates = {{{"localhost"}, std::move(identity)}};
  return made;
}

int fail(const std::string& why) {
  std::cerr << "gateway_server: " << why << '\n';
  return 1;
}

// The gateway's threads inherit the mask, so the signal comes to await_end() only.
sigset_t block_end() {
  sigset_t end;
  ::sigemptyset(&end);
  ::sigaddset(&end, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &end, nullptr);
  return end;
}

int serve(const wish& how) {
  const auto end = block_end();
  auto identity = tls_identity::from_pem(contents(how.chain_file), contents(how.key_file));
  if (!identity) return fail(identity.error());
  options settings;
  settings.workers = how.workers;
  auto started = gateway::start(std::move(settings));
  if (!started) return fail(started.error());
  for (const auto& problem : (*started)->publish(table_of(how, *std::move(identity))))
    return fail("port " + std::to_string(problem.port) + ": " + problem.what);
  int signal = 0;
  ::sigwait(&end, &signal);
  (*started)->stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The gateway in front of one backend", "gateway_server");
  wish how;
  app.add_option("--http", how.http_port)->required();
  app.add_option("--https", how.https_port)->required();
  app.add_option("--backend", how.backend_port)->required();
  app.add_option("--chain", how.chain_file)->required();
  app.add_option("--key", how.key_file)->required();
  app.add_option("--workers", how.workers, "0: one a processor");
  CLI11_PARSE(app, argc, argv);
  return serve(how);
}
