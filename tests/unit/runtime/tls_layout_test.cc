#include "agent/runtime/tls_layout.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

#include "agent/runtime/tls_library.h"

namespace tracelet::runtime {
namespace {

using std::string_view_literals::operator""sv;

TEST(FieldOfTest, FollowsTheCodeOfAccessors) {
  // SSL_get_rbio of OpenSSL 3.0; BIO_number_read.
  EXPECT_EQ(FieldOf("\x48\x8b\x47\x10\x31\xff\xc3"sv), 0x10U);
  EXPECT_EQ(FieldOf("\x31\xc0\x48\x85\xff\x74\x04\x48\x8b\x47\x60\xc3"sv), 0x60U);
  // SSL_get_wbio, in two compilers' words: unless there is a BIO for the handshake.
  EXPECT_EQ(FieldOf("\x4c\x8b\x47\x20\x4d\x85\xc0\x75\x07\x48\x8b\x47\x18\xc3"sv), 0x18U);
  EXPECT_EQ(FieldOf("\xf3\x0f\x1e\xfa\x48\x8b\x47\x20\x48\x85\xc0\x75\x07\x48\x8b\x47\x18\x31\xff\xc3"sv), 0x18U);
  // SSL_get_rbio, _wbio and _read_ahead of OpenSSL 3.5: unless it is QUIC.
  EXPECT_EQ(FieldOf("\x48\x85\xff\x74\x0a\x8b\x07\x85\xc0\x74\x0d\xa8\x80\x75\x11\x31\xc0\xc3\x66\x0f\x1f\x44\x00\x00"
                    "\x48\x8b\x47\x50\xc3"sv),
            0x50U);
  EXPECT_EQ(FieldOf("\x48\x85\xff\x74\x63\x55\x8b\x07\x48\x89\xfd\x85\xc0\x74\x02\x31\xc0\x48\x8b\x7d\x60"
                    "\x48\x85\xff\x75\x09\x48\x8b\x45\x58\x5d\xc3"sv),
            0x58U);
  EXPECT_EQ(FieldOf("\x31\xc0\x48\x85\xff\x74\x0d\x8b\x17\x85\xd2\x75\x07\x8b\x87\xa0\x0c\x00\x00\xc3"sv), 0xca0U);
  // SSL_get_read_ahead of BoringSSL.
  EXPECT_EQ(FieldOf("\x31\xc0\xc3"sv), 0U);
}

TEST(FieldOfTest, KnowsWhatItDoesNotUnderstand) {
  EXPECT_EQ(FieldOf(""sv), std::nullopt);
  EXPECT_EQ(FieldOf("\xc3"sv), std::nullopt);
  EXPECT_EQ(FieldOf("\x48\x8b\x47\x10"sv), std::nullopt) << "it does not return";
  EXPECT_EQ(FieldOf("\x48\x8b\x46\x10\xc3"sv), std::nullopt) << "of the second argument";
  EXPECT_EQ(FieldOf("\x48\x8b\x47\xf0\xc3"sv), std::nullopt) << "in front of the struct";
  EXPECT_EQ(FieldOf("\x48\x8b\x47\x10\x48\x8b\x40\x08\xc3"sv), std::nullopt) << "a field of a field";
  EXPECT_EQ(FieldOf("\x74\xfe\xc3"sv), std::nullopt);
  EXPECT_EQ(FieldOf("\xe8\x00\x00\x00\x00\xc3"sv), std::nullopt) << "calls somebody";
}

template <typename T>
T At(const void* object, uint32_t place) {
  T value{};
  std::memcpy(&value, static_cast<const char*>(object) + place, sizeof(value));
  return value;
}

TEST(TlsLayoutTest, IsThatOfTheLibraryThatIsHere) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = SSL_new(context);
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, in, out);
  SSL_connect(ssl);  // writes a ClientHello
  char taken = 0;
  ASSERT_EQ(BIO_write(in, "ab", 2), 2);
  ASSERT_EQ(BIO_read(in, &taken, 1), 1);

  std::string library;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line) && library.empty();) {
    const size_t slash = line.find('/');
    if (slash != std::string::npos && MayBeTlsLibrary(line.substr(slash))) library = line.substr(slash);
  }
  ASSERT_FALSE(library.empty());
  const auto layout = FindTlsLayout(library, "", library);
  ASSERT_TRUE(layout);
  EXPECT_EQ(At<BIO*>(ssl, layout->rbio), in);
  EXPECT_EQ(At<uint64_t>(in, layout->bio_read), BIO_number_read(in));
  EXPECT_EQ(At<uint64_t>(in, layout->bio_written), 2U);
  EXPECT_EQ(At<int>(ssl, layout->read_ahead), 0);
  SSL_set_read_ahead(ssl, 1);
  EXPECT_EQ(At<int>(ssl, layout->read_ahead), 1);
  EXPECT_NE(layout->wbio, layout->rbio);
  SSL* fresh = SSL_new(context);  // outside a handshake, which has a BIO of its own in front
  BIO* other = BIO_new(BIO_s_mem());
  SSL_set_bio(fresh, BIO_new(BIO_s_mem()), other);
  EXPECT_EQ(At<BIO*>(fresh, layout->wbio), other);
  SSL_free(fresh);
  SSL_free(ssl);
  SSL_CTX_free(context);
}

TEST(TlsLayoutTest, IsUnknownWhereThereIsNone) { EXPECT_FALSE(FindTlsLayout("/bin/sh", "", "/bin/sh")); }

}  // namespace
}  // namespace tracelet::runtime
