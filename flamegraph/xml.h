// Writes XML that is well-formed whatever the names and texts in it are.
//
// This is the one place where text from outside (function names, process titles, query text, file
// names, rule texts) is escaped: there is no other way to get text into a document. Element and
// attribute names are literals of ours and never come from outside.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace pgflame::flamegraph {

class XmlWriter {
 public:
  // <name ...; its attributes come next. Children, text and close() end the start tag.
  XmlWriter& open(std::string_view name);
  XmlWriter& attr(std::string_view name, std::string_view value);
  // At most two decimals, never an exponent.
  XmlWriter& number(std::string_view name, double value);
  XmlWriter& text(std::string_view text);
  XmlWriter& close();

  // <name>text</name>
  XmlWriter& leaf(std::string_view name, std::string_view text);

  // Our own script or style sheet, as a CDATA section that HTML parsers take too.
  XmlWriter& code(std::string_view trusted);

  // A finished part, written by another XmlWriter.
  XmlWriter& append(const XmlWriter& part);

  size_t size() const { return out_.size(); }
  const std::string& str() const { return out_; }
  std::string take() && { return std::move(out_); }

 private:
  void end_start_tag();

  std::string out_;
  std::vector<std::string_view> open_;
  bool in_start_tag_ = false;
};

// Shortest form with at most two decimals: 12, 12.5, 12.34.
std::string short_number(double value);

}  // namespace pgflame::flamegraph
