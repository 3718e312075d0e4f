// Sends one kind of request over many connections in a closed loop; prints the rate. For comparing
// servers: Platen's API and etcd's are driven by the same program. Called by tools/bench.
#include <httplib.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <mutex>
#include <thread>

#include "tools/benchmarks/figures.hpp"
#include "tools/benchmarks/stopwatch.hpp"

namespace {

using platen::benchmarks::figures;
using platen::benchmarks::latencies;
using platen::benchmarks::stopwatch;

struct wish {
  std::string url;
  std::string path = "/";
  std::string body;  // %d becomes the request's number, eight digits; empty: GET
  std::string token;
  std::string name = "requests";
  std::size_t connections = 16;
  std::size_t requests = 10'000;
};

std::string numbered(std::string body, std::size_t number) {
  if (const auto place = body.find("%d"); place != std::string::npos) {
    auto digits = std::to_string(number);
    digits.insert(0, 8 - std::min<std::size_t>(digits.size(), 8), '0');
    body.replace(place, 2, digits);
  }
  return body;
}

class load {
 public:
  explicit load(wish how) : how_(std::move(how)) {}

  bool run(figures& into) {
    const stopwatch all;
    {
      std::vector<std::jthread> clients;
      for (std::size_t i = 0; i < how_.connections; ++i)
        clients.emplace_back([this] { send_all(); });
    }
    if (!failure_.empty()) {
      std::cerr << how_.name << ": " << failure_ << '\n';
      return false;
    }
    into.add(how_.name, static_cast<double>(how_.requests) / all.seconds(), "/s");
    into.add(how_.name + ", p50", each_.quantile_us(0.5), "us");
    into.add(how_.name + ", p99", each_.quantile_us(0.99), "us");
    return true;
  }

 private:
  void send_all() {
    httplib::Client client(how_.url);
    client.set_keep_alive(true);
    client.set_tcp_nodelay(true);
    client.set_read_timeout(60);
    if (!how_.token.empty()) client.set_bearer_token_auth(how_.token);
    latencies mine;
    for (auto number = next_++; number < how_.requests; number = next_++) {
      const stopwatch one;
      const auto answer = how_.body.empty() ? client.Get(how_.path)
                                            : client.Post(how_.path, numbered(how_.body, number),
                                                          "application/json");
      mine.add(one.seconds());
      if (answer && answer->status == 200) continue;
      const std::lock_guard guard(mutex_);
      failure_ =
          answer ? std::to_string(answer->status) + " " + answer->body : to_string(answer.error());
      next_ = how_.requests;
      return;
    }
    const std::lock_guard guard(mutex_);
    each_.add(mine);
  }

  wish how_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  latencies each_;
  std::string failure_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Sends one kind of request in a closed loop", "http_load");
  wish how;
  app.add_option("url", how.url)->required();
  app.add_option("--path", how.path);
  app.add_option("--body", how.body,
                 "JSON; %d becomes a number of eight digits; without a body: GET");
  app.add_option("--token", how.token);
  app.add_option("--name", how.name, "What the figures are called");
  app.add_option("--connections", how.connections);
  app.add_option("--requests", how.requests);
  CLI11_PARSE(app, argc, argv);
  figures into;
  if (!load(std::move(how)).run(into)) return 1;
  into.print_json();
  return 0;
}
