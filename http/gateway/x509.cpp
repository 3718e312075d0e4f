#include "http/gateway/x509.hpp"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

namespace platen::gateway {

namespace {

template <auto release>
struct releaser {
  template <class T>
  void operator()(T* one) const {
    release(one);
  }
};
using bio = std::unique_ptr<BIO, releaser<BIO_free>>;
using x509 = std::unique_ptr<X509, releaser<X509_free>>;
using key = std::unique_ptr<EVP_PKEY, releaser<EVP_PKEY_free>>;
using names = std::unique_ptr<GENERAL_NAMES, releaser<GENERAL_NAMES_free>>;
using number = std::unique_ptr<BIGNUM, releaser<BN_free>>;
using extension = std::unique_ptr<X509_EXTENSION, releaser<X509_EXTENSION_free>>;

constexpr std::int64_t day_seconds = 86'400;
constexpr long an_hour = 3600;

bio reader_of(const std::string& text) {
  return bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

x509 read_certificate(const std::string& pem) {
  const auto in = reader_of(pem);
  x509 made(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return made;
}

key read_key(const std::string& pem) {
  const auto in = reader_of(pem);
  key made(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return made;
}

std::string written(const bio& from) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(from.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string to_pem(X509* certificate) {
  const bio out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(out.get(), certificate);
  return written(out);
}

std::string to_pem(EVP_PKEY* one) {
  const bio out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(out.get(), one, nullptr, nullptr, 0, nullptr, nullptr);
  return written(out);
}

std::string text_of(X509_NAME* name) {
  constexpr int longest = 256;
  std::array<char, longest> common{};
  if (X509_NAME_get_text_by_NID(name, NID_commonName, common.data(), longest) > 0)
    return common.data();
  const bio out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  return written(out);
}

std::int64_t microseconds(const ASN1_TIME* at) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(at, &parts) != 1) return 0;
  return static_cast<std::int64_t>(timegm(&parts)) * 1'000'000;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::vector<std::string> domains_of(X509* certificate) {
  std::vector<std::string> all;
  const names alternatives(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const auto* one = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (one->type != GEN_DNS) continue;
    const auto* text = one->d.dNSName;
    all.push_back(lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                         static_cast<std::size_t>(ASN1_STRING_length(text))}));
  }
  return all;
}

void put_name(X509_NAME* into, const std::string& common_name) {
  // A common name holds 64 characters; clients look at the alternative names.
  const auto shown = common_name.substr(0, 64);
  X509_NAME_add_entry_by_txt(into, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(shown.data()),
                             static_cast<int>(shown.size()), -1, 0);
}

void put_extension(X509* into, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, into, nullptr, nullptr, 0);
  const extension made(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
  if (made) X509_add_ext(into, made.get(), -1);
}

void put_serial(X509* into) {
  std::array<unsigned char, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  bytes[0] &= 0x7f;
  const number made(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  BN_to_ASN1_INTEGER(made.get(), X509_get_serialNumber(into));
}

x509 begin(const std::string& common_name, std::int64_t days, EVP_PKEY* own) {
  x509 made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  put_serial(made.get());
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -an_hour);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), static_cast<long>(days * day_seconds));
  put_name(X509_get_subject_name(made.get()), common_name);
  X509_set_pubkey(made.get(), own);
  return made;
}

}  // namespace

tl::expected<certificate_facts, std::string> facts_of(const std::string& chain) {
  const auto certificate = read_certificate(chain);
  if (!certificate) return tl::unexpected(std::string("is not PEM with a certificate"));
  certificate_facts facts;
  facts.subject = text_of(X509_get_subject_name(certificate.get()));
  facts.issuer = text_of(X509_get_issuer_name(certificate.get()));
  facts.domains = domains_of(certificate.get());
  facts.not_before_us = microseconds(X509_get0_notBefore(certificate.get()));
  facts.not_after_us = microseconds(X509_get0_notAfter(certificate.get()));
  const number serial(ASN1_INTEGER_to_BN(X509_get_serialNumber(certificate.get()), nullptr));
  if (char* hex = BN_bn2hex(serial.get()); hex != nullptr) {
    facts.serial = lower(hex);
    OPENSSL_free(hex);
  }
  return facts;
}

key_and_certificate make_ca(const std::string& common_name, std::int64_t days) {
  const key own(EVP_EC_gen("P-256"));
  const auto made = begin(common_name, days, own.get());
  X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
  put_extension(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  put_extension(made.get(), made.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  put_extension(made.get(), made.get(), NID_subject_key_identifier, "hash");
  X509_sign(made.get(), own.get(), EVP_sha256());
  return {to_pem(own.get()), to_pem(made.get())};
}

tl::expected<key_and_certificate, std::string> make_leaf(const std::string& domain,
                                                         std::int64_t days,
                                                         const key_and_certificate& issuer) {
  const auto ca = read_certificate(issuer.certificate);
  const auto ca_key = read_key(issuer.key);
  if (!ca || !ca_key) return tl::unexpected(std::string("the local CA's key is not readable PEM"));
  const key own(EVP_EC_gen("P-256"));
  const auto made = begin(domain, days, own.get());
  X509_set_issuer_name(made.get(), X509_get_subject_name(ca.get()));
  put_extension(made.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
  put_extension(made.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
  put_extension(made.get(), ca.get(), NID_ext_key_usage, "serverAuth");
  put_extension(made.get(), ca.get(), NID_subject_alt_name, "DNS:" + domain);
  put_extension(made.get(), ca.get(), NID_authority_key_identifier, "keyid");
  if (X509_sign(made.get(), ca_key.get(), EVP_sha256()) == 0)
    return tl::unexpected("no certificate could be signed for '" + domain + "'");
  return key_and_certificate{to_pem(own.get()), to_pem(made.get())};
}

}  // namespace platen::gateway
