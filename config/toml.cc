#include "config/toml.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "config/check.h"
#include "config/nearest.h"
#include "config/schema.h"

namespace tracelet::config {
namespace {

// ---- reading

std::string Plain(double number) {
  std::ostringstream text;
  text.precision(16);
  text << number;
  return text.str();
}

std::optional<std::string> OutOfRange(double value, const Key& key) {
  if (value >= key.min && value <= key.max) return std::nullopt;
  return Plain(value) + " is not from " + Plain(key.min) + " to " + Plain(key.max);
}

// Puts a node into the place of a key; says what is wrong with it.
struct Put {
  const toml::node& node;
  const Key& key;

  using Wrong = std::optional<std::string>;

  Wrong operator()(bool* place) const {
    const auto value = node.value_exact<bool>();
    if (!value) return "must be true or false";
    *place = *value;
    return {};
  }
  template <std::unsigned_integral T>
  Wrong operator()(T* place) const {
    const auto value = node.value_exact<int64_t>();
    if (!value) return "must be a whole number";
    if (auto wrong = OutOfRange(static_cast<double>(*value), key)) return wrong;
    *place = static_cast<T>(*value);
    return {};
  }
  Wrong operator()(double* place) const {
    if (!node.is_number()) return "must be a number";
    const double value = node.value<double>().value_or(-1);
    if (auto wrong = OutOfRange(value, key)) return wrong;
    *place = value;
    return {};
  }
  Wrong operator()(std::string* place) const {
    const auto value = node.value_exact<std::string>();
    if (!value) return "must be a text in quotes";
    if (!key.choices.empty() && std::ranges::find(key.choices, *value) == key.choices.end()) {
      std::string choices;
      for (const std::string& choice : key.choices) choices += (choices.empty() ? "\"" : " or \"") + choice + "\"";
      return "must be " + choices;
    }
    *place = *value;
    return {};
  }
  template <typename T>
  Wrong operator()(std::vector<T>* place) const {
    const toml::array* array = node.as_array();
    if (array == nullptr) return "must be a list in brackets";
    place->clear();
    for (const toml::node& element : *array) {
      T value{};
      if (auto wrong = Put{element, key}(&value)) return "each " + *wrong;
      place->push_back(std::move(value));
    }
    return {};
  }
  template <typename T>
  Wrong operator()(std::map<std::string, T>* place) const {
    const toml::table* table = node.as_table();
    if (table == nullptr) return "must be a table { name = value }";
    place->clear();
    for (const auto& [name, element] : *table) {
      T value{};
      if (auto wrong = Put{element, key}(&value)) return "\"" + std::string(name.str()) + "\" " + *wrong;
      place->emplace(name.str(), std::move(value));
    }
    return {};
  }
};

class Reader {
 public:
  Reader(Config& config, std::string file) : schema_(Schema(config)), file_(std::move(file)) {}

  void ReadTable(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string path = prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
      if (const Key* key = FindKey(prefix, std::string(name.str()))) {
        lines_[path] = node.source().begin.line;
        const auto wrong = std::visit(Put{node, *key}, key->place);
        if (wrong) Mistake(node, path + " " + *wrong);
      } else if (node.is_table() && IsSection(path)) {
        lines_[path] = node.source().begin.line;
        ReadTable(*node.as_table(), path);
      } else {
        const std::string written = Written(node, path);
        const auto nearest = Nearest(written, Names());
        Mistake(node, "there is no key " + written + (nearest ? "; did you mean " + *nearest + "?" : ""));
      }
    }
  }

  void Check(const Config& config) {
    for (const Impossible& impossible : FindImpossible(config)) {
      const auto line = lines_.find(impossible.key);
      Add(line == lines_.end() ? 1 : line->second, impossible.key + " " + impossible.why);
    }
  }

  [[nodiscard]] bool clean() const { return mistakes_.empty(); }
  [[nodiscard]] std::string Mistakes() {
    std::ranges::stable_sort(mistakes_, {}, &std::pair<uint32_t, std::string>::first);
    std::string text;
    for (const auto& [line, sentence] : mistakes_) text += (text.empty() ? "" : "\n") + sentence;
    return text;
  }

 private:
  void Mistake(const toml::node& node, const std::string& what) { Add(node.source().begin.line, what); }
  void Add(uint32_t line, const std::string& what) {
    mistakes_.emplace_back(line, file_ + ":" + std::to_string(line) + ": " + what);
  }
  // "[exporters.otlp]" is a table in a table: both names were meant.
  static std::string Written(const toml::node& node, std::string path) {
    const toml::table* table = node.as_table();
    while (table != nullptr && table->size() == 1 && table->begin()->second.is_table()) {
      path += "." + std::string(table->begin()->first.str());
      table = table->begin()->second.as_table();
    }
    return path;
  }
  [[nodiscard]] const Key* FindKey(const std::string& section, const std::string& name) const {
    for (const Section& candidate : schema_) {
      if (candidate.name != section) continue;
      for (const Key& key : candidate.keys) {
        if (key.name == name) return &key;
      }
    }
    return nullptr;
  }
  [[nodiscard]] bool IsSection(const std::string& path) const {
    return std::ranges::any_of(schema_, [&](const Section& section) {
      return section.name == path || section.name.rfind(path + ".", 0) == 0;
    });
  }
  [[nodiscard]] Texts Names() const {
    Texts names;
    for (const Section& section : schema_) {
      names.push_back(section.name);
      for (const Key& key : section.keys) names.push_back(section.name + "." + key.name);
    }
    return names;
  }

  std::vector<Section> schema_;
  std::string file_;
  std::map<std::string, uint32_t> lines_;
  std::vector<std::pair<uint32_t, std::string>> mistakes_;
};

// ---- printing

std::string Quoted(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

struct Show {
  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  std::string operator()(const double* value) const {
    std::ostringstream out;
    out << toml::value<double>(*value);
    return out.str();
  }
  std::string operator()(const std::string* value) const { return Quoted(*value); }
  template <std::unsigned_integral T>
  std::string operator()(const T* value) const {
    std::string digits = std::to_string(*value);
    for (size_t at = digits.size(); digits.size() >= 5 && at > 3;) digits.insert(at -= 3, "_");
    return digits;
  }
  template <typename T>
  std::string operator()(const std::vector<T>* values) const {
    std::string text;
    for (const T& value : *values) text += (text.empty() ? "" : ", ") + (*this)(&value);
    return "[" + text + "]";
  }
  template <typename T>
  std::string operator()(const std::map<std::string, T>* values) const {
    std::string text;
    for (const auto& [name, value] : *values)
      text += (text.empty() ? " " : ", ") + Quoted(name) + " = " + (*this)(&value);
    return text.empty() ? "{}" : "{" + text + " }";
  }
};

std::string ShowKey(const Key& key) {
  return std::visit([](const auto* place) { return Show{}(place); }, key.place);
}

}  // namespace

Result<Config> Parse(const std::string& text, const std::string& file) {
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    return Error{file + ":" + std::to_string(parsed.error().source().begin.line) + ": " +
                 std::string(parsed.error().description())};
  }
  Config config;
  Reader reader(config, file);
  reader.ReadTable(parsed.table(), "");
  if (reader.clean()) reader.Check(config);
  if (!reader.clean()) return Error{reader.Mistakes()};
  return config;
}

Result<Config> Load(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return SystemError("cannot read " + file);
  return Parse(std::string(std::istreambuf_iterator<char>(stream), {}), file);
}

std::string Print(const Config& config) {
  Config copy = config;
  std::string text =
      "# The configuration of `tracelet agent`: every key with its value.\n"
      "# What is left out has the default that `tracelet config --print-default` shows.\n";
  for (const Section& section : Schema(copy)) {
    text += "\n[" + section.name + "]\n";
    if (!section.comment.empty()) text += "# " + section.comment + "\n";
    for (const Key& key : section.keys) {
      if (!key.comment.empty()) text += "# " + key.comment + "\n";
      text += key.name + " = " + ShowKey(key) + "\n";
    }
  }
  return text;
}

std::vector<std::string> Differences(const Config& a, const Config& b) {
  Config left = a;
  Config right = b;
  const auto left_schema = Schema(left);
  const auto right_schema = Schema(right);
  std::vector<std::string> keys;
  for (size_t section = 0; section < left_schema.size(); ++section) {
    for (size_t key = 0; key < left_schema[section].keys.size(); ++key) {
      const Key& one = left_schema[section].keys[key];
      if (ShowKey(one) != ShowKey(right_schema[section].keys[key])) {
        keys.push_back(left_schema[section].name + "." + one.name);
      }
    }
  }
  return keys;
}

}  // namespace tracelet::config
