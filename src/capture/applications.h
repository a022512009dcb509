// The names of applications: a session may change its own (SET application_name), as poolers do for
// each client.
//
// A look at a backend (bpf/tags.h) finds its name of that moment, as a hash; the text is sent once.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/profile/builder.h"

namespace pgflame::capture {

// As the BPF programs make it; 0 for no name. Longer names than the server keeps are cut.
uint32_t application_hash(std::string_view name);

class Applications {
 public:
  explicit Applications(ProfileBuilder& builder) : builder_(builder) {}

  // The row of Profile::applications; its text may come later. None for hash 0.
  ApplicationId row_of(uint32_t hash);
  void learn(uint32_t hash, std::string_view name);
  void learn(std::string_view name) { learn(application_hash(name), name); }

  // Leaves samples their name only where it is not their backend's last one, and is known. A note
  // says when there were more names than are told apart.
  void settle();

 private:
  ProfileBuilder& builder_;
  std::unordered_map<uint32_t, ApplicationId> rows_;  // by hash
  std::vector<bool> known_;                           // by ApplicationId
};

}  // namespace pgflame::capture
