#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fixture.hpp"
#include "http/gateway/tls.hpp"

using namespace platen;
using namespace platen::testing;
using gateway::protocol;

namespace {

struct pem_pair {
  std::string certificate;
  std::string key;
};

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

// Self-signed, for one name.
pem_pair certificate_for(const std::string& name) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* made = X509_new();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -60);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_set_pubkey(made, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(made));
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
  X509_add_ext(made, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(made, key, EVP_sha256());
  pem_pair pair;
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, made);
  pair.certificate = text_of(out);
  out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  pair.key = text_of(out);
  X509_free(made);
  EVP_PKEY_free(key);
  return pair;
}

gateway::certificate serving(const pem_pair& pair, const std::string& domain) {
  const auto identity = gateway::tls_identity::from_pem(pair.certificate, pair.key);
  REQUIRE(identity);
  return {{domain}, *identity};
}

struct tls_world : gateway_fixture {
  tls_world() {
    auto one = route_to({first.port()});
    auto two = route_to({second.port()});
    two.domains = {"other.test"};
    routes = {one, two};
  }
  void serve(protocol speaks) {
    publish(speaks, routes, {serving(demo, "demo.test"), serving(other, "other.test")});
  }
  static backend_server::behaviour saying(const std::string& word) {
    return [word](connection& client) {
      while (const auto request = receive_request(client))
        client.send(ok(word + " " + request.header("x-forwarded-proto")));
    };
  }
  pem_pair demo = certificate_for("demo.test");
  pem_pair other = certificate_for("other.test");
  backend_server first{saying("first")};
  backend_server second{saying("second")};
  std::vector<gateway::route> routes;
};

}  // namespace

TEST_CASE("TLS ends at the gateway, with the certificate that SNI names") {
  tls_world world;
  world.serve(protocol::https);
  for (int i = 0; i < 2; ++i) {
    auto client = world.connect();
    REQUIRE(client.start_tls("demo.test", world.demo.certificate));
    for (int n = 0; n < 3; ++n) {
      REQUIRE(client.send(get("/")));
      CHECK(receive_response(client).body == "first https");
    }
  }
  auto client = world.connect();
  REQUIRE(client.start_tls("other.test", world.other.certificate));
  REQUIRE(client.send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"));
  CHECK(receive_response(client).body == "second https");
}

TEST_CASE("A connection opened for one group is not used for another") {
  tls_world world;
  world.serve(protocol::https);
  auto client = world.connect();
  REQUIRE(client.start_tls("demo.test"));
  REQUIRE(client.send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"));
  CHECK(receive_response(client).status() == 421);
}

TEST_CASE("Without a certificate there is no handshake, and no plain text") {
  tls_world world;
  world.serve(protocol::https);
  auto stranger = world.connect();
  CHECK_FALSE(stranger.start_tls("unknown.test"));
  auto nameless = world.connect();
  CHECK_FALSE(nameless.start_tls(""));
  auto plain = world.connect();
  REQUIRE(plain.send(get("/")));
  CHECK(plain.receive_all().find("HTTP/1.1 200") == std::string::npos);
}

TEST_CASE("TLS in front of plain TCP chooses the group by SNI") {
  tls_world world;
  world.serve(protocol::tls);
  auto client = world.connect();
  REQUIRE(client.start_tls("other.test", world.other.certificate));
  REQUIRE(client.send(get("/")));
  CHECK(receive_response(client).body == "second ");
  client.finish_sending();
}

TEST_CASE("A large response passes TLS whole") {
  backend_server server([](connection& client) {
    receive_request(client);
    client.send(ok(std::string(5'000'000, 'z')));
  });
  tls_world world;
  world.routes[0] = world.route_to({server.port()});
  world.serve(protocol::https);
  auto client = world.connect();
  REQUIRE(client.start_tls("demo.test"));
  REQUIRE(client.send(get("/")));
  CHECK(receive_response(client).body == std::string(5'000'000, 'z'));
}

TEST_CASE("A key must be that of its certificate") {
  const auto one = certificate_for("a.test");
  const auto other = certificate_for("b.test");
  CHECK(gateway::tls_identity::from_pem(one.certificate, one.key));
  CHECK(gateway::tls_identity::from_pem(one.certificate, other.key).error() ==
        "the private key is not that of the certificate");
  CHECK_FALSE(gateway::tls_identity::from_pem("x", one.key));
  CHECK_FALSE(gateway::tls_identity::from_pem(one.certificate, "x"));
}
