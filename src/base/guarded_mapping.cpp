#include "src/base/guarded_mapping.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>

#include <sys/mman.h>

#include <unistd.h>

namespace pgflame {
namespace {

// What the signal handler knows of a mapping.
struct Guard {
  std::atomic<bool> taken = false;
  std::atomic<uintptr_t> begin = 0;  // 0: guards nothing
  std::atomic<uintptr_t> end = 0;
  std::atomic<bool> lost = false;
};

constinit std::array<Guard, 16> guards;
struct sigaction previous_action;

uintptr_t number_of(const void* address) {
  return reinterpret_cast<uintptr_t>(address);
}

// Puts zeros over the page and all that the guard has behind it.
bool put_zeros(Guard& guard, uint8_t* address) {
  uint8_t* const page = address - number_of(address) % static_cast<size_t>(::getpagesize());
  void* const zeros = ::mmap(
      page, guard.end - number_of(page), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  guard.lost = true;
  return zeros != MAP_FAILED;
}

bool guarded(void* accessed) {
  auto* const address = static_cast<uint8_t*>(accessed);
  for (Guard& guard : guards) {
    // A mapping that is read from is neither made nor taken away meanwhile.
    const uintptr_t begin = guard.begin;
    const bool inside = begin != 0 && begin <= number_of(address) && number_of(address) < guard.end;
    if (inside && begin == guard.begin) return put_zeros(guard, address);
  }
  return false;
}

void on_bus_error(int signal, siginfo_t* info, void* /*context*/) {
  const int saved = errno;
  const bool by_access = info->si_code > 0;
  if (!by_access || !guarded(info->si_addr)) {
    // Whoever was there before sees it: now, or when the access is repeated.
    ::sigaction(SIGBUS, &previous_action, nullptr);
    if (!by_access) ::raise(signal);
  }
  errno = saved;
}

void watch_bus_errors() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = &on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigaction(SIGBUS, &action, &previous_action);
  });
}

// Its number, or guards.size() when all are taken.
size_t take_guard() {
  size_t number = 0;
  while (number < guards.size() && guards[number].taken.exchange(true))
    ++number;
  return number;
}

}  // namespace

std::shared_ptr<const GuardedMapping> GuardedMapping::of(const FileHandle& file, uint64_t size) {
  const size_t number = size > 0 ? take_guard() : guards.size();
  if (number == guards.size()) return nullptr;
  Guard& guard = guards[number];
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (start == MAP_FAILED) {
    guard.taken = false;
    return nullptr;
  }
  watch_bus_errors();
  ::madvise(start, size, MADV_SEQUENTIAL);
  guard.lost = false;
  guard.end = number_of(start) + size;
  guard.begin = number_of(start);
  const std::span bytes(static_cast<const uint8_t*>(start), size);
  return std::shared_ptr<const GuardedMapping>(new GuardedMapping(bytes, number));
}

GuardedMapping::~GuardedMapping() {
  guards[guard_].begin = 0;
  ::munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
  guards[guard_].taken = false;
}

bool GuardedMapping::lost_bytes() const {
  return guards[guard_].lost;
}

void GuardedMapping::let_go(size_t offset, size_t count) const {
  const std::span<const uint8_t> gone = bytes_.subspan(offset, count);
  ::madvise(const_cast<uint8_t*>(gone.data()), gone.size(), MADV_DONTNEED);
}

}  // namespace pgflame
