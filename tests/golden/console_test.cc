// What people see, as files to look at: tests/golden/console/*.txt. After a wanted
// change: TRACELET_UPDATE_GOLDEN=1 build/dev/tests/unit_tests --gtest_filter='*Golden*', and read the diff.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "exporter/console/tree_view.h"
#include "tests/unit/exporter/spans.h"

namespace tracelet::exporter {
namespace {

GatheredTrace Checkout() {
  GatheredTrace trace;
  auto curl = Client(1, 0, "curl", 0, 48);
  auto shop = Server(2, 1, "shop", 1, 47);
  auto shop_to_orders = Client(3, 2, "shop", 5, 30);
  auto orders = Server(4, 3, "orders", 7, 28);
  auto orders_to_stock = Client(5, 4, "orders", 10, 22);
  auto stock = Server(6, 5, "stock", 11, 21);
  auto shop_to_mail = Client(7, 2, "shop", 31, 46);
  SetStatus(*stock, 503);
  SetStatus(*orders_to_stock, 503);
  SetStatus(*shop, 404);
  SetStatus(*curl, 404);
  shop_to_mail->attributes.resize(1);
  shop_to_mail->attributes.push_back({"error.type", "connection_reset"});
  shop_to_mail->attributes.push_back({"server.address", "10.1.2.3"});
  shop_to_mail->attributes.push_back({"server.port", int64_t{25}});
  shop_to_mail->status = span::StatusCode::kError;
  stock->process = Process("stock", 4711, "4f2d9c1b7a3e" + std::string(52, '0'));
  trace.spans = {stock, orders_to_stock, orders, shop_to_orders, shop_to_mail, shop, curl};
  return trace;
}

GatheredTrace Refused() {
  GatheredTrace trace;
  auto gateway = Client(1, 0, "gateway", 3, 5);
  gateway->refused = span::LinkRefusal::kEventLoop;
  gateway->links = {{gateway->trace_id, {7}}, {gateway->trace_id, {8}}};
  auto evil = Server(2, 1, "stock", 3, 4);
  evil->name = "GET /\x1b[31m\xe2\x80\xae{id}";
  trace.spans = {evil, gateway};
  return trace;
}

GatheredTrace Endless() {
  GatheredTrace trace;
  trace.spans.push_back(Server(1, 0, "crawler", 0, 900));
  for (uint64_t id = 2; id < 300; ++id) trace.spans.push_back(Client(id, 1, "crawler", id, id + 1));
  return trace;
}

struct Case {
  const char* file;
  GatheredTrace (*trace)();
  Terminal terminal;
};

class ConsoleGolden : public testing::TestWithParam<Case> {};

TEST_P(ConsoleGolden, LooksLikeTheFile) {
  setenv("TZ", "UTC", 1);
  const std::string path = std::string(TRACELET_SOURCE_DIR "/tests/golden/console/") + GetParam().file;
  const std::string rendered = RenderTrace(GetParam().trace(), GetParam().terminal);
  if (std::getenv("TRACELET_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << rendered;
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(rendered, golden.str());
}

INSTANTIATE_TEST_SUITE_P(
    Files, ConsoleGolden,
    testing::Values(Case{"checkout.txt", Checkout, {.colour = false, .unicode = true, .width = 150}},
                    Case{"checkout_colour.txt", Checkout, {.colour = true, .unicode = true, .width = 150}},
                    Case{"checkout_ascii.txt", Checkout, {.colour = false, .unicode = false, .width = 120}},
                    Case{"checkout_narrow.txt", Checkout, {.colour = false, .unicode = true, .width = 80}},
                    Case{"refused.txt", Refused, {.colour = false, .unicode = true, .width = 150}},
                    Case{"endless.txt", Endless, {.colour = false, .unicode = true, .width = 120}}));

TEST(RenderDuration, ThreeDigits) {
  EXPECT_EQ(RenderDuration(0), "0us");
  EXPECT_EQ(RenderDuration(850'400), "850us");
  EXPECT_EQ(RenderDuration(999'600), "1.00ms");
  EXPECT_EQ(RenderDuration(12'345'678), "12.3ms");
  EXPECT_EQ(RenderDuration(999'600'000), "1.00s");
  EXPECT_EQ(RenderDuration(75'000'000'000), "75.0s");
}

}  // namespace
}  // namespace tracelet::exporter
