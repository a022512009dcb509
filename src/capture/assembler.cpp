#include "src/capture/assembler.h"

namespace pgflame::capture {
namespace {

// Return addresses point behind the call; one less lies inside it.
uint64_t lookup_address(uint64_t address, bool is_return_address) {
  return is_return_address && address > 0 ? address - 1 : address;
}

}  // namespace

void Assembler::handle(const Event& event) {
  switch (event.kind) {
    case EventKind::kSample:
      add_sample(event);
      break;
    case EventKind::kFork:
      processes_.fork(event.parent, event.pid, event.time_ns);
      break;
    case EventKind::kExec:
      processes_.exec(event.pid);
      break;
    case EventKind::kExit:
      processes_.exit(event.pid);
      break;
    case EventKind::kOffCpu:
    case EventKind::kInterval:
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

void Assembler::add_sample(const Event& event) {
  if (!processes_.contains(event.pid)) return;
  Sample sample;
  sample.stack = stack_of(event);
  sample.backend = processes_.backend(event.pid);
  sample.state = event.state;
  sample.end = event.end;
  sample.wait_event = event.tags.wait_event;
  sample.query_id = event.tags.query_id;
  const uint64_t since = event.time_ns > start_ns_ ? event.time_ns - start_ns_ : 0;
  sample.second = static_cast<uint32_t>(since / 1'000'000'000);
  sample.count = 1;
  sample.weight = event.weight;
  builder_.add(sample);
  ++samples_;
  const auto lose = [&](Loss loss) {
    ++builder_.profile().recording.losses[static_cast<size_t>(loss)];
  };
  if (event.tags.unreadable) lose(Loss::kTagUnreadable);
  if (event.end == StackEnd::kUnreadable) lose(Loss::kStackUnreadable);
}

}  // namespace pgflame::capture
