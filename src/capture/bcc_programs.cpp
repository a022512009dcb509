#include "src/capture/bcc_programs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <fmt/format.h>
#include <unistd.h>

#include "bpf/sample_event.h"
#include "src/capture/bcc_compiler.h"
#include "src/capture/bcc_maps.h"
#include "src/capture/privileges.h"
#include "src/capture/tracepoints.h"

namespace pgflame::capture {
namespace {

constexpr std::string_view kSampleStack = "sample_stack";
constexpr std::string_view kCheckHeaders = "check_headers";

struct Tracing {
  std::string_view program;
  std::string_view group;
  std::string_view event;
  bool only_for_waits;
};
constexpr std::array kTracing{
    Tracing{"on_switch", "sched", "sched_switch", true},
    Tracing{"on_wakeup", "sched", "sched_wakeup", true},
    Tracing{"on_fork", "task", "task_newtask", false},
    Tracing{"on_exec", "sched", "sched_process_exec", false},
    Tracing{"on_exit", "sched", "sched_process_exit", false},
};

// All functions of sampler.bcc.c that are not inlined.
std::vector<std::string_view> all_functions(bool tables) {
  std::vector<std::string_view> names{kSampleStack, kCheckHeaders};
  for (const Tracing& tracing : kTracing)
    names.push_back(tracing.program);
  for (const char* function : {"book_interval", "catch_up", "look_closely", "read_application"})
    names.emplace_back(function);
  if (tables) {
    for (const char* subprogram : {"find_mapping", "find_rule", "step_to_caller", "walk_to_end"})
      names.emplace_back(subprogram);
  }
  names.emplace_back("image_end");
  return names;
}

Result<std::string> definitions(const bpf_object* object, bool tables) {
  auto maps = map_definitions(object);
  if (!maps) return maps;
  auto offsets = offset_definitions({{"sched", "sched_switch", "prev_pid"},
                                     {"sched", "sched_switch", "prev_state"},
                                     {"sched", "sched_switch", "next_pid"},
                                     {"sched", "sched_wakeup", "pid"},
                                     {"task", "task_newtask", "pid"},
                                     {"task", "task_newtask", "clone_flags"}});
  if (!offsets) return offsets;
  return fmt::format("#define PGFLAME_KERNEL_TABLES {}\n{}{}", tables ? 1 : 0, *maps, *offsets);
}

// Loads programs out of an image. What the verifier has to know of functions that are looked at on
// their own is taken from the object that was compiled ahead of time, which has the same ones.
class Loader {
 public:
  Loader(const BccImage& image,
         const std::vector<std::string_view>& names,
         const bpf_object* object)
      : image_(image), names_(names), types_(bpf_object__btf(object)) {}

  Status open();
  Result<FileHandle> load(std::string_view name, bpf_prog_type type) const;

 private:
  const BccImage& image_;
  const std::vector<std::string_view>& names_;
  const btf* types_;
  FileHandle loaded_types_;
};

Status Loader::open() {
  uint32_t size = 0;
  const void* bytes = btf__raw_data(types_, &size);
  LIBBPF_OPTS(bpf_btf_load_opts, options);
  loaded_types_ = FileHandle(bpf_btf_load(bytes, size, &options));
  if (!loaded_types_.valid()) return fail(system_error("cannot load types of BPF programs", errno));
  return {};
}

// The verifier's reasons, of which the last but one line is the one worth telling.
std::string last_reason(const std::vector<char>& log) {
  std::string reason;
  std::string line;
  for (const char c : std::string_view(log.data())) {
    if (c != '\n') {
      line.push_back(c);
      continue;
    }
    if (!line.empty() && !line.starts_with("processed ")) reason = line;
    line.clear();
  }
  return reason;
}

Result<FileHandle> Loader::load(std::string_view name, bpf_prog_type type) const {
  const auto row = static_cast<size_t>(std::ranges::find(names_, name) - names_.begin());
  const LinkedProgram program = image_.link(row);
  std::vector<bpf_func_info> functions;
  for (const auto& function : program.functions) {
    const std::string function_name(names_[function.row]);
    const int id = btf__find_by_name_kind(types_, function_name.c_str(), BTF_KIND_FUNC);
    if (id > 0) functions.push_back({function.first_instruction, static_cast<uint32_t>(id)});
  }
  std::vector<char> log(size_t{1} << 20);
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  if (program.functions.size() > 1) {
    options.prog_btf_fd = static_cast<uint32_t>(loaded_types_.get());
    options.func_info = functions.data();
    options.func_info_cnt = static_cast<uint32_t>(functions.size());
    options.func_info_rec_size = sizeof(bpf_func_info);
  }
  options.log_buf = log.data();
  options.log_size = static_cast<uint32_t>(log.size());
  const std::string program_name(name);
  FileHandle loaded(bpf_prog_load(type,
                                  program_name.c_str(),
                                  "Dual BSD/GPL",
                                  program.instructions.data(),
                                  program.instructions.size(),
                                  &options));
  if (loaded.valid()) return loaded;
  if (errno == EPERM) return fail(permission_error("the kernel refused to load BPF programs"));
  return fail(ErrorKind::kUnsupported,
              fmt::format("the BPF program {} cannot be loaded here ({})", name, last_reason(log)),
              "the bcc sampler needs Linux 5.10 or newer; use --sampler perf");
}

// The process knows of itself what the program reads by the headers.
Result<uint8_t> check_headers(const Loader& loader) {
  const auto program = loader.load(kCheckHeaders, BPF_PROG_TYPE_RAW_TRACEPOINT);
  if (!program) return fail(program.error());
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  const std::array<uint64_t, 2> known{
      static_cast<uint64_t>(::getpid()),
      static_cast<uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(used.tv_nsec)};
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.ctx_in = known.data();
  options.ctx_size_in = sizeof(known);
  if (bpf_prog_test_run_opts(program->get(), &options) != 0)
    return fail(system_error("cannot compare the kernel with its headers", errno));
  return static_cast<uint8_t>(options.retval);
}

}  // namespace

Result<BccPrograms> BccPrograms::load(bpf_object* object,
                                      Wanted wanted,
                                      volatile uint8_t& headers_hold) {
  if (auto made = make_maps(object); !made) return fail(std::move(made).error());
  const auto defined = definitions(object, wanted.tables);
  if (!defined) return fail(defined.error());
  const auto names = all_functions(wanted.tables);
  const auto image = compile_here(*defined, names);
  if (!image) return fail(image.error());
  Loader loader(*image, names, object);
  if (auto opened = loader.open(); !opened) return fail(std::move(opened).error());
  const auto holds = check_headers(loader);
  if (!holds) return fail(holds.error());
  headers_hold = *holds;
  if (auto sealed = seal_variables(object); !sealed) return fail(std::move(sealed).error());

  BccPrograms programs;
  programs.headers_hold_ = *holds;
  const auto load = [&](std::string_view name, bpf_prog_type type) -> Status {
    auto loaded = loader.load(name, type);
    if (!loaded) return fail(std::move(loaded).error());
    programs.programs_.emplace(name, std::move(*loaded));
    return {};
  };
  if (auto done = load(kSampleStack, BPF_PROG_TYPE_PERF_EVENT); !done)
    return fail(std::move(done).error());
  for (const Tracing& tracing : kTracing) {
    if (tracing.only_for_waits && !wanted.waits) continue;
    if (auto done = load(tracing.program, BPF_PROG_TYPE_TRACEPOINT); !done)
      return fail(std::move(done).error());
  }
  return programs;
}

Status BccPrograms::attach() {
  for (const Tracing& tracing : kTracing) {
    const int program = descriptor(tracing.program);
    if (program < 0) continue;
    auto attached = attach_to_tracepoint(tracing.group, tracing.event, program);
    if (!attached) return fail(std::move(attached).error());
    attached_.push_back(std::move(*attached));
  }
  return {};
}

int BccPrograms::descriptor(std::string_view program) const {
  const auto found = programs_.find(program);
  return found == programs_.end() ? -1 : found->second.get();
}

std::vector<int> BccPrograms::descriptors() const {
  std::vector<int> all;
  for (const auto& [name, program] : programs_)
    all.push_back(program.get());
  return all;
}

std::vector<std::string> BccPrograms::notes() const {
  return notes_on_headers(headers_hold_);
}

std::vector<std::string> notes_on_headers(uint8_t headers_hold) {
  std::vector<std::string> notes{
      "The bcc sampler does not see code that is compiled at run time (JIT); stacks end there."};
  if ((headers_hold & HEADERS_PID) == 0) {
    notes.emplace_back(
        "The kernel's headers are not those of the running kernel (process ids were not where they "
        "say): backends that were born in a container during the recording have no tags.");
  }
  if ((headers_hold & HEADERS_RUNTIME) == 0) {
    notes.emplace_back(
        "The kernel's headers are not those of the running kernel (run times were not where they "
        "say): time in the run queue of an idle CPU counts as running.");
  }
  if ((headers_hold & HEADERS_REGISTERS) == 0) {
    notes.emplace_back(
        "The kernel's headers are not those of the running kernel (saved registers were not where "
        "they say): stacks of waits and of system calls were walked by frame pointers, callers may "
        "be missing.");
  }
  return notes;
}

}  // namespace pgflame::capture
