// Comma-separated values, appended to a text.
#pragma once

#include <string>
#include <string_view>

namespace pgflame::convert {

class List {
 public:
  explicit List(std::string& text) : text_(text) {}
  void add(std::string_view value) {
    if (!first_) text_ += ',';
    first_ = false;
    text_ += value;
  }

 private:
  std::string& text_;
  bool first_ = true;
};

}  // namespace pgflame::convert
