#include "tests/unit/exporter/certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace tracelet::exporter {
namespace {

template <typename Write>
std::string Pem(Write&& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

void Extend(X509* cert, int what, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

Authority::Authority()
    : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), cert_(Make("authority", key_.get(), "", nullptr, key_.get())) {}

Authority::Certificate Authority::Make(const std::string& name, EVP_PKEY* key, const std::string& alternative,
                                       X509* issuer, EVP_PKEY* issuer_key) {
  static long serial = 0;
  Certificate cert(X509_new(), X509_free);
  X509_set_version(cert.get(), 2);  // version 3
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3'600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 86'400);
  X509_set_pubkey(cert.get(), key);
  X509_NAME* const subject = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(cert.get(), issuer != nullptr ? X509_get_subject_name(issuer) : subject);
  Extend(cert.get(), NID_basic_constraints, issuer != nullptr ? "critical,CA:FALSE" : "critical,CA:TRUE");
  if (!alternative.empty()) Extend(cert.get(), NID_subject_alt_name, alternative);
  X509_sign(cert.get(), issuer_key, EVP_sha256());
  return cert;
}

std::string Authority::cert() const {
  return Pem([&](BIO* bio) { PEM_write_bio_X509(bio, cert_.get()); });
}

Authority::Pair Authority::Sign(const std::string& host) const {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Certificate cert = Make(host, key.get(), "DNS:" + host, cert_.get(), key_.get());
  return {Pem([&](BIO* bio) { PEM_write_bio_X509(bio, cert.get()); }),
          Pem([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

}  // namespace tracelet::exporter
