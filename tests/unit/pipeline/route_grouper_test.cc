#include "agent/pipeline/route_grouper.h"

#include <gtest/gtest.h>

namespace tracelet::pipeline {
namespace {

TEST(IsIdSegment, SeesNumbersOfThingsAndLeavesNames) {
  for (const char* id :
       {"1", "4711", "550e8400-e29b-41d4-a716-446655440000", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "507f1f77bcf86cd799439011",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709", "a1b2c3", "deadbeefdeadbeef", "order-20241", "2024-11-20",
        "ann@example.org", "ann%40example.org", "dQw4w9WgXcQ", "1732134000123", "+4915112345678",
        "AKIAIOSFODNN7EXAMPL3", "urn-550e8400-e29b-41d4-a716-446655440000"}) {
    EXPECT_TRUE(IsIdSegment(id)) << id;
  }
  for (const char* name : {"",        "orders",       "v1",
                           "v2",      "api",          "oauth2",
                           "face",    "decade",       "s3",
                           "add",     "cafe",         "bead",
                           "login",   "main.js",      "index.html",
                           "by-name", "user_profile", "getOrderById",
                           "ec2",     "v1.2",         "internationalization",
                           "a",       ".well-known",  "openid-configuration",
                           "base64"}) {
    EXPECT_FALSE(IsIdSegment(name)) << name;
  }
}

TEST(RouteGrouper, ReplacesIdsAndKeepsTheShape) {
  RouteGrouper grouper(200);
  EXPECT_EQ(grouper.Route("shop", "/orders/4711/items/12"), "/orders/{id}/items/{id}");
  EXPECT_EQ(grouper.Route("shop", "/orders/4711/"), "/orders/{id}/");
  EXPECT_EQ(grouper.Route("shop", "/orders/4711.json"), "/orders/{id}.json");
  EXPECT_EQ(grouper.Route("shop", "/users/ann@example.org/cart"), "/users/{id}/cart");
  EXPECT_EQ(grouper.Route("shop", "/search?q=secret"), "/search");
  EXPECT_EQ(grouper.Route("shop", "//a//b"), "//a//b");
  EXPECT_EQ(grouper.Route("shop", ""), "/");
  EXPECT_EQ(grouper.Route("shop", "/"), "/");
  EXPECT_EQ(grouper.Route("shop", "*"), "*");
}

TEST(RouteGrouper, BoundsNamesPerService) {
  RouteGrouper grouper(3);
  EXPECT_EQ(grouper.Route("shop", "/a"), "/a");
  EXPECT_EQ(grouper.Route("shop", "/b"), "/b");
  EXPECT_EQ(grouper.Route("shop", "/c/1"), "/c/{id}");
  EXPECT_EQ(grouper.overflowed(), 0U);
  EXPECT_EQ(grouper.Route("shop", "/d"), "/{other}");
  EXPECT_EQ(grouper.overflowed(), 1U);
  EXPECT_EQ(grouper.Route("shop", "/c/2"), "/c/{id}");
  EXPECT_EQ(grouper.Route("mail", "/d"), "/d");
}

TEST(RouteGrouper, BoundsServicesAndLengths) {
  RouteGrouper grouper(3);
  for (size_t i = 0; i < RouteGrouper::kMaxServices; ++i) {
    EXPECT_EQ(grouper.Route("service" + std::to_string(i), "/a"), "/a");
  }
  EXPECT_EQ(grouper.Route("one more", "/a"), "/{other}");
  EXPECT_EQ(grouper.Route("service0", "/" + std::string(300, 'z')), "/{other}");
  EXPECT_EQ(grouper.Route("service0", "/" + std::string(100'000, 'z')), "/{other}");
}

TEST(RouteGrouper, RecentPathsOfOneServiceAreNotAnothers) {
  RouteGrouper grouper(1);
  EXPECT_EQ(grouper.Route("a", "/x"), "/x");
  EXPECT_EQ(grouper.Route("b", "/y"), "/y");
  EXPECT_EQ(grouper.Route("b", "/x"), "/{other}");
  EXPECT_EQ(grouper.Route("a", "/x"), "/x");
}

}  // namespace
}  // namespace tracelet::pipeline
