#include "agent/ingest/zipkin_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tracelet::ingest::zipkin {
namespace {

// Takes a flat object of strings, or null; gives up at anything else, so that nothing
// is built of what is nested.
class FlatObject : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit FlatObject(std::forward_list<std::string>& made) : made_(made) {}

  std::vector<Tag> Fields() { return std::move(fields_); }

  bool null() override { return depth_ == 0 || Value({}); }
  bool string(std::string& text) override { return depth_ == 1 && Value(made_.emplace_front(std::move(text))); }
  bool start_object(std::size_t /*size*/) override { return ++depth_ == 1; }
  bool end_object() override { return true; }
  bool key(std::string& text) override {
    // Of a name that comes twice the last value counts.
    const auto same = std::find_if(fields_.begin(), fields_.end(), [&](const Tag& tag) { return tag.key == text; });
    current_ = static_cast<size_t>(same - fields_.begin());
    if (same == fields_.end()) fields_.push_back({.key = made_.emplace_front(std::move(text))});
    return fields_.size() <= kMaxFields;
  }

  bool boolean(bool /*value*/) override { return false; }
  bool number_integer(number_integer_t /*value*/) override { return false; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return false; }
  bool number_float(number_float_t /*value*/, const std::string& /*text*/) override { return false; }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_array(std::size_t /*size*/) override { return false; }
  bool end_array() override { return false; }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return false;
  }

 private:
  static constexpr size_t kMaxFields = 256;  // the search for equal names is linear

  bool Value(std::string_view text) {
    fields_[current_].text = text;
    return true;
  }

  std::forward_list<std::string>& made_;
  std::vector<Tag> fields_;
  size_t current_ = 0;
  int depth_ = 0;
};

bool MayBeObject(std::string_view value) {
  const size_t first = value.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (value[first] == '{' || value.substr(first).starts_with("null"));
}

}  // namespace

std::vector<Tag> LogFields(std::string_view value, std::forward_list<std::string>& made) {
  if (MayBeObject(value)) {
    FlatObject object(made);
    if (nlohmann::json::sax_parse(value, &object)) return object.Fields();
  }
  return {{.key = "event", .text = value}};
}

}  // namespace tracelet::ingest::zipkin
