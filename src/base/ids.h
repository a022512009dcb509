// Typed row numbers. A FunctionId indexes Profile::functions and nothing else; mixing two kinds up
// does not compile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

namespace pgflame {

template <typename Tag>
struct Id {
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  uint32_t value = kNone;

  bool valid() const { return value != kNone; }
  friend bool operator==(Id, Id) = default;
  friend auto operator<=>(Id, Id) = default;
};

// A table whose rows are addressed by one kind of id.
template <typename RowId, typename Row>
class Table {
 public:
  RowId add(Row row) {
    rows_.push_back(std::move(row));
    return RowId{static_cast<uint32_t>(rows_.size() - 1)};
  }
  Row& operator[](RowId id) { return rows_[id.value]; }
  const Row& operator[](RowId id) const { return rows_[id.value]; }
  bool contains(RowId id) const { return id.value < rows_.size(); }
  size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  RowId id_at(size_t index) const { return RowId{static_cast<uint32_t>(index)}; }
  void reserve(size_t count) { rows_.reserve(count); }

  auto begin() { return rows_.begin(); }
  auto end() { return rows_.end(); }
  auto begin() const { return rows_.begin(); }
  auto end() const { return rows_.end(); }

 private:
  std::vector<Row> rows_;
};

}  // namespace pgflame

template <typename Tag>
struct std::hash<pgflame::Id<Tag>> {
  size_t operator()(pgflame::Id<Tag> id) const noexcept { return id.value; }
};
