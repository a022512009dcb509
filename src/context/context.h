// What a server says about itself while it is recorded: one look before, one after.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/profile/database.h"

namespace pgflame::context {

struct Options {
  std::string dsn;  // libpq connection string or URI
  // What is kept of a statement's text, and the id that a server without query ids is given for
  // it. Empty functions: nothing is kept.
  std::function<std::string(std::string_view)> clean_text;
  std::function<uint64_t(std::string_view)> text_id;
};

// Connects when it is made. Never fails: what could not be asked is said in the context's problems.
class Observer {
 public:
  explicit Observer(Options options);
  ~Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  // Takes the first look, in a thread of its own: the recording goes on meanwhile. Only the first
  // call does anything.
  void begin();

  // Waits for the first look and takes the second. Statements of `query_ids` keep their texts even
  // when they took little time.
  DatabaseContext finish(const std::vector<uint64_t>& query_ids);

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace pgflame::context
