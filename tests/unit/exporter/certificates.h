// Certificates made on the spot: an authority, and what it signed.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace tracelet::exporter {

class Authority {
 public:
  struct Pair {
    std::string cert;  // PEM
    std::string key;
  };

  Authority();
  [[nodiscard]] std::string cert() const;
  // For that host name, as server and as client; valid for a day.
  [[nodiscard]] Pair Sign(const std::string& host) const;

 private:
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
  static Certificate Make(const std::string& name, EVP_PKEY* key, const std::string& alternative, X509* issuer,
                          EVP_PKEY* issuer_key);

  Key key_;
  Certificate cert_;
};

}  // namespace tracelet::exporter
