// Addresses of one file about which something is to be known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pgflame::symbolizer {

// Sorted. A hundred thousand functions are held against it, so that a look-up costs next to nothing
// where there is no address near.
class AddressSet {
 public:
  // Addresses in any order, repeated or not.
  explicit AddressSet(std::vector<uint64_t> addresses);
  // Those of both.
  AddressSet with(const AddressSet& others) const;

  const std::vector<uint64_t>& addresses() const { return addresses_; }
  // The position of the first that is not before `start`; their number when all are.
  size_t first_from(uint64_t start) const;
  bool has_any_in(uint64_t start, uint64_t size) const;

 private:
  AddressSet() = default;
  void number_pages();

  std::vector<uint64_t> addresses_;
  unsigned shift_ = 0;             // of a distance from the first address to its page
  std::vector<uint32_t> of_page_;  // first_from() the start of each page, and the number of all
};

}  // namespace pgflame::symbolizer
