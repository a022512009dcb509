#include "src/capture/assembler.h"

#include <algorithm>

#include "src/capture/tag_layout.h"

namespace pgflame::capture {
namespace {

constexpr uint32_t kClassActivity = 0x05;  // main loops of background processes

// Return addresses point behind the call; one less lies inside it.
uint64_t lookup_address(uint64_t address, bool is_return_address) {
  return is_return_address && address > 0 ? address - 1 : address;
}

}  // namespace

State reported_state(const WaitKey& key, int major, bool is_postmaster) {
  if (key.state != State::kWaiting) return key.state;
  if (is_postmaster) return State::kIdle;
  if (key.wait_event == kUnknownWait) return State::kWaiting;
  if (key.wait_event >> 24 == kClassActivity) return State::kIdle;
  if (key.wait_event != kClientRead) return State::kWaiting;
  // A command that reads its input from the client (COPY, a large message) is still at work.
  const bool active =
      key.has_backend && session_state(major, key.session_state) == SessionState::kActive;
  return active ? State::kWaiting : State::kIdle;
}

uint64_t attributed_query(const Tags& tags, int major) {
  const SessionState state =
      tags.has_backend ? session_state(major, tags.session_state) : SessionState::kUnknown;
  const bool between = state == SessionState::kIdle || state == SessionState::kIdleInTransaction;
  return between ? 0 : tags.query_id;
}

uint32_t coarse_second(uint64_t second) {
  constexpr uint64_t kSingly = 120;
  constexpr uint64_t kByTens = 3600;
  if (second >= kByTens) second -= second % 60;
  if (second >= kSingly) second -= second % 10;
  return static_cast<uint32_t>(std::min<uint64_t>(second, UINT32_MAX));
}

void Assembler::begin(WaitTimes times) {
  balance_.balance(times);
  start_ns_ = times.at_ns;
  waits_.settle(times);
  running_before_ = times.running_ns;
}

void Assembler::handle(const Event& event) {
  switch (event.kind) {
    case EventKind::kSample:
      add_sample(event);
      break;
    case EventKind::kOffCpu:
      open_wait(event);
      break;
    case EventKind::kInterval:
      waits_.closed(event);
      break;
    case EventKind::kFork:
      processes_.fork(event.parent, event.pid, event.time_ns);
      break;
    case EventKind::kExec:
      processes_.exec(event.pid);
      break;
    case EventKind::kExit:
      end_process(event);
      break;
    case EventKind::kApplication:
      applications_.learn(event.tags.application, event.text);
      break;
  }
}

StackId Assembler::stack_of(const Event& event) {
  StackId stack = kEmptyStack;
  for (size_t i = event.user.size(); i-- > 0;) {
    const uint64_t address = lookup_address(event.user[i], i > 0);
    stack = builder_.push(stack, processes_.locate(event.pid, address, event.time_ns));
  }
  for (size_t i = event.kernel.size(); i-- > 0;) {
    const uint64_t address = lookup_address(event.kernel[i], i > 0);
    stack = builder_.push(stack, processes_.locate_kernel(address));
  }
  return stack;
}

uint32_t Assembler::second_of(uint64_t time_ns) const {
  const uint64_t since = time_ns > start_ns_ ? time_ns - start_ns_ : 0;
  return coarse_second(since / 1'000'000'000);
}

void Assembler::add_sample(const Event& event) {
  if (!processes_.contains(event.pid)) return;
  processes_.learn(event.pid, event.tags);
  Sample sample;
  sample.stack = stack_of(event);
  sample.backend = processes_.backend(event.pid);
  if (event.tid != event.pid) with_threads_.insert(sample.backend);
  sample.state = event.state;
  sample.end = event.end;
  sample.wait_event = event.tags.wait_event;
  sample.query_id =
      queries_.identify(attributed_query(event.tags, processes_.major_of(event.pid)), event.text);
  sample.second = second_of(event.time_ns);
  sample.count = 1;
  sample.weight = event.weight;
  sample.application = applications_.row_of(event.tags.application);
  builder_.add(sample);
  ++samples_;
  const auto lose = [&](Loss loss) {
    ++builder_.profile().recording.losses[static_cast<size_t>(loss)];
  };
  if (event.tags.unreadable) lose(Loss::kTagUnreadable);
  if (event.end == StackEnd::kUnreadable) lose(Loss::kStackUnreadable);
}

void Assembler::open_wait(const Event& event) {
  if (!processes_.contains(event.pid)) return;
  processes_.learn(event.pid, event.tags);
  const uint64_t query = queries_.identify(event.tags.query_id, event.text);
  waits_.opened(event, stack_of(event), event.tags.query_id == 0 ? query : 0);
}

void Assembler::found_in(const Statement& statement, int32_t pid, uint64_t now_ns) {
  const uint64_t query = queries_.identify(statement);
  if (statement.query_id == 0 && query != 0) waits_.found_asleep(pid, now_ns, query);
}

void Assembler::end_process(const Event& event) {
  if (!processes_.contains(event.pid)) return;
  if (measures_waits_) {
    ended_[event.pid] = identity_of(event.pid);
    balance_.exited(event.pid, {event.waiting_ns, event.runnable_ns});
    note_lifetime(event.pid, event.time_ns, event.running_ns);
  }
  processes_.exit(event.pid);
}

void Assembler::note_lifetime(int32_t pid, uint64_t end_ns, uint64_t running_ns) {
  Backend& backend = builder_.profile().backends[processes_.backend(pid)];
  const uint64_t since = std::max(start_ns_, processes_.since_ns(pid));
  backend.lifetime_ns = end_ns > since ? end_ns - since : 0;
  const auto before = running_before_.find(pid);
  const uint64_t skipped = before == running_before_.end() ? 0 : before->second;
  backend.on_cpu_ns = running_ns > skipped ? running_ns - skipped : 0;
  if (before != running_before_.end()) running_before_.erase(before);
}

Assembler::Identity Assembler::identity_of(int32_t pid) {
  const auto ended = ended_.find(pid);
  if (ended != ended_.end()) return ended->second;
  return {processes_.backend(pid), processes_.major_of(pid), processes_.postmaster_of(pid) == pid};
}

std::vector<int32_t> Assembler::book(WaitTimes times) {
  for (const Statement& statement : times.statements)
    queries_.identify(statement);
  balance_.balance(times);
  for (const Waits::Share& share : waits_.settle(times)) {
    const Identity who = identity_of(share.key.pid);
    if (!who.backend.valid()) continue;
    Sample sample;
    sample.stack = share.stack;
    sample.backend = who.backend;
    sample.state = reported_state(share.key, who.major, who.is_postmaster);
    sample.end = share.end;
    // A backend that was woken and has no CPU yet still shows what it waited for.
    sample.wait_event = share.key.wait_event;
    Tags tags;
    tags.query_id = share.key.query_id;
    tags.has_backend = share.key.has_backend;
    tags.session_state = share.key.session_state;
    const bool by_text = share.text_query != 0 && sample.state != State::kIdle;
    sample.query_id = by_text ? share.text_query : attributed_query(tags, who.major);
    sample.second = second_of(times.at_ns - 1);
    sample.count = share.count;
    sample.weight = share.ns;
    sample.application = applications_.row_of(share.key.application);
    builder_.add(sample);
  }
  std::vector<int32_t> gone;
  for (const auto& [pid, identity] : ended_) {
    balance_.forget(pid);
    waits_.forget(pid);
    gone.push_back(pid);
  }
  ended_.clear();
  return gone;
}

void Assembler::close(const WaitTimes& times) {
  if (!measures_waits_) return;
  for (const int32_t pid : processes_.pids()) {
    const auto running = times.running_ns.find(pid);
    note_lifetime(pid, times.at_ns, running == times.running_ns.end() ? 0 : running->second);
  }
}

}  // namespace pgflame::capture
