#include "symbolizer/address_set.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "src/base/radix_sort.h"
#include "src/base/rows.h"

namespace pgflame::symbolizer {
namespace {

constexpr unsigned kSmallestPage = 8;      // log2
constexpr uint64_t kMostPages = 1U << 16;  // a file may spread its addresses over all numbers

}  // namespace

AddressSet::AddressSet(std::vector<uint64_t> addresses) : addresses_(std::move(addresses)) {
  radix_sort(addresses_, std::identity());
  drop_repeated(addresses_);
  number_pages();
}

AddressSet AddressSet::with(const AddressSet& others) const {
  AddressSet both;
  both.addresses_.reserve(addresses_.size() + others.addresses_.size());
  std::ranges::set_union(addresses_, others.addresses_, std::back_inserter(both.addresses_));
  both.number_pages();
  return both;
}

void AddressSet::number_pages() {
  if (addresses_.empty()) return;
  const uint64_t distance = addresses_.back() - addresses_.front();
  shift_ = kSmallestPage;
  while (distance >> shift_ >= kMostPages)
    ++shift_;
  of_page_.reserve((distance >> shift_) + 2);
  for (size_t i = 0; i < addresses_.size(); ++i) {
    const uint64_t page = (addresses_[i] - addresses_.front()) >> shift_;
    while (of_page_.size() <= page)
      of_page_.push_back(static_cast<uint32_t>(i));
  }
  of_page_.push_back(static_cast<uint32_t>(addresses_.size()));
}

size_t AddressSet::first_from(uint64_t start) const {
  if (addresses_.empty() || start <= addresses_.front()) return 0;
  const uint64_t page = (start - addresses_.front()) >> shift_;
  if (page + 1 >= of_page_.size()) return addresses_.size();
  const auto begin = addresses_.begin();
  return static_cast<size_t>(
      std::lower_bound(begin + of_page_[page], begin + of_page_[page + 1], start) - begin);
}

bool AddressSet::has_any_in(uint64_t start, uint64_t size) const {
  const size_t first = first_from(start);
  return first < addresses_.size() && addresses_[first] - start < size;
}

}  // namespace pgflame::symbolizer
