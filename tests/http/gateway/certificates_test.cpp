#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <ctime>
#include <fstream>

#include "fixture.hpp"
#include "http/gateway/certificate_store.hpp"
#include "store/memory_log.hpp"
#include "tests/tools/temporary_directory.hpp"

using namespace platen;
using namespace platen::testing;
using namespace platen::gateway;

namespace {

constexpr std::int64_t day_us = 86'400ll * 1'000'000;

std::int64_t seconds_now_us() {
  return static_cast<std::int64_t>(std::time(nullptr)) * 1'000'000;
}

const events::cause why{"request", "token:test", events::origin::api};

struct store_world {
  store_world() {
    book = *actors::certificate_book::open(log, [this] { return now_us; });
    reopen();
  }
  void reopen() {
    store = *certificate_store::open(directory.path(), *book, [this] { return now_us; });
  }
  std::string leaf_pem(const std::string& domain) {
    const auto leaf = store->ca().leaf_for(domain);
    REQUIRE(leaf);
    return leaf->pem.certificate;
  }
  std::int64_t now_us = seconds_now_us();
  platen::tests::temporary_directory directory;
  platen::store::memory_log log;
  std::unique_ptr<actors::certificate_book> book;
  std::unique_ptr<certificate_store> store;
};

mode_t mode_of(const std::filesystem::path& path) {
  struct stat facts {};
  REQUIRE(stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 0777;
}

}  // namespace

TEST_CASE("The local CA is made once, privately, and signs leaves that clients accept") {
  store_world world;
  const auto ca = world.store->ca().certificate();
  REQUIRE(ca);
  CHECK(mode_of(world.directory.path() / "ca") == 0700);
  CHECK(mode_of(world.directory.path() / "ca" / "ca.pem") == 0600);
  world.reopen();
  CHECK(world.store->ca().certificate() == ca);
  const auto chosen = world.store->identity_for("demo.test", "");
  REQUIRE(chosen);
  backend_server server([](connection& client) {
    while (receive_request(client))
      client.send(ok("ok"));
  });
  gateway_fixture fixture;
  fixture.publish(protocol::https, {fixture.route_to({server.port()})},
                  {{{"demo.test"}, chosen->identity}});
  auto client = fixture.connect();
  REQUIRE(client.start_tls("demo.test", *ca));
  REQUIRE(client.send(get("/")));
  CHECK(receive_response(client).body == "ok");
}

TEST_CASE("A leaf is kept until a month before its end, then replaced") {
  store_world world;
  const auto first = world.leaf_pem("a.test");
  world.now_us += 59 * day_us;
  CHECK(world.leaf_pem("a.test") == first);
  world.now_us += 2 * day_us;
  CHECK(world.leaf_pem("a.test") != first);
  CHECK(world.leaf_pem("b.test") != first);
}

TEST_CASE("A certificate that is brought is used where it fits, until it is removed") {
  store_world world;
  const auto issuer = make_ca("Somebody", 100);
  const auto pair = make_leaf("*.shop.test", 50, issuer);
  REQUIRE(pair);
  const certificate_store::upload upload{"11111111-1111-4111-8111-111111111111", "shop",
                                         pair->certificate + issuer.certificate, pair->key};
  const auto added = world.store->add(upload, why);
  REQUIRE(added);
  CHECK((*added)->facts.subject == "*.shop.test");
  CHECK((*added)->facts.issuer == "Somebody");
  CHECK(certificate_store::covers(**added, "a.shop.test"));
  CHECK_FALSE(certificate_store::covers(**added, "a.b.shop.test"));
  CHECK_FALSE(certificate_store::covers(**added, "shop.test"));
  CHECK(world.store->identity_for("a.shop.test", "")->renew_at_us == 0);
  CHECK(world.store->identity_for("other.test", "")->renew_at_us != 0);
  world.reopen();
  CHECK(world.store->identity_for("a.shop.test", "")->renew_at_us == 0);
  REQUIRE(world.store->remove(upload.id, why));
  CHECK(world.store->identity_for("a.shop.test", "")->renew_at_us != 0);
  CHECK_FALSE(
      std::filesystem::exists(world.directory.path() / "certificates" / (upload.id + ".pem")));
}

TEST_CASE("Certificates that cannot be used are refused, and leave nothing behind") {
  store_world world;
  const auto issuer = make_ca("Somebody", 100);
  const auto one = make_leaf("one.test", 50, issuer);
  const auto other = make_leaf("other.test", 50, issuer);
  const auto refused = [&](const std::string& chain, const std::string& key) {
    const auto added = world.store->add({"id", "", chain, key}, why);
    REQUIRE_FALSE(added);
    CHECK(added.error().what == actors::rejection::kind::invalid);
    return added.error().message;
  };
  CHECK(refused("nonsense", one->key) == "'chain' is not PEM with a certificate");
  CHECK(refused(one->certificate, "nonsense").starts_with("'pkey' cannot be used"));
  CHECK(refused(one->certificate, other->key) ==
        "'pkey' cannot be used: the private key is not that of the certificate");
  CHECK(refused(issuer.certificate, issuer.key).find("without a DNS name") != std::string::npos);
  world.now_us += 51 * day_us;
  CHECK(refused(one->certificate, one->key) == "'chain' has a certificate that has expired");
  CHECK(std::filesystem::is_empty(world.directory.path() / "certificates"));
  CHECK(world.log.newest().sequence == 0);
}

TEST_CASE("Files that no event names are removed at the next start") {
  store_world world;
  const auto stray = world.directory.path() / "certificates" / "stray.pem";
  { std::ofstream(stray) << "x"; }
  world.reopen();
  CHECK_FALSE(std::filesystem::exists(stray));
}
