#include "src/capture/bcc_maps.h"

#include <cerrno>
#include <string_view>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include <fmt/format.h>
#include <unistd.h>

#include "src/base/file.h"
#include "src/capture/privileges.h"

namespace pgflame::capture {
namespace {

bool holds_constants(const bpf_map* map) {
  return bpf_map__is_internal(map) && (bpf_map__map_flags(map) & BPF_F_RDONLY_PROG) != 0;
}

// Variables in user space become the ones in the kernel, at the same address.
Status share_variables(const bpf_map* map, int fd) {
  size_t size = 0;
  void* values = const_cast<void*>(bpf_map__initial_value(const_cast<bpf_map*>(map), &size));
  constexpr uint32_t kRow = 0;
  if (bpf_map_update_elem(fd, &kRow, values, BPF_ANY) != 0)
    return fail(system_error("cannot set the variables of the BPF programs", errno));
  if (holds_constants(map)) return {};
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t pages = (size + page - 1) / page * page;
  if (::mmap(values, pages, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
    return fail(system_error("cannot map the variables of the BPF programs", errno));
  return {};
}

Status make_map(bpf_map* map) {
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = bpf_map__map_flags(map);
  const FileHandle made(bpf_map_create(bpf_map__type(map),
                                       bpf_map__name(map),
                                       bpf_map__key_size(map),
                                       bpf_map__value_size(map),
                                       bpf_map__max_entries(map),
                                       &options));
  if (!made.valid()) {
    if (errno == EPERM || errno == EACCES)
      return fail(permission_error("the kernel refused to load BPF programs"));
    return fail(system_error(fmt::format("cannot make the BPF map {}", bpf_map__name(map)), errno));
  }
  if (bpf_map__is_internal(map)) {
    if (auto done = share_variables(map, made.get()); !done) return done;
  }
  if (const int failed = bpf_map__reuse_fd(map, made.get()); failed != 0)
    return fail(system_error("cannot use a BPF map", -failed));
  return {};
}

// The variables of a section: their type is all that the compiler has to know.
std::string variable_definitions(const btf* types, const btf_type* section, int fd) {
  std::string text;
  const btf_var_secinfo* variable = btf_var_secinfos(section);
  for (int i = 0; i < btf_vlen(section); ++i, ++variable) {
    const btf_type* type = btf__type_by_id(types, variable->type);
    text += fmt::format("#define {} (*(volatile __u{}*)((char*)bpf_pseudo_fd({}, {}) + {}))\n",
                        btf__name_by_offset(types, type->name_off),
                        variable->size * 8,
                        BPF_PSEUDO_MAP_VALUE,
                        fd,
                        variable->offset);
  }
  return text;
}

}  // namespace

Status make_maps(bpf_object* object) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (auto done = make_map(map); !done) return done;
  }
  return {};
}

Status seal_variables(bpf_object* object) {
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (!holds_constants(map)) continue;
    if (auto done = share_variables(map, bpf_map__fd(map)); !done) return done;
    if (bpf_map_freeze(bpf_map__fd(map)) != 0)
      return fail(system_error("cannot freeze the variables of the BPF programs", errno));
  }
  return {};
}

Result<std::string> map_definitions(const bpf_object* object) {
  const btf* types = bpf_object__btf(object);
  std::string text;
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const std::string_view name = bpf_map__name(map);
    const int fd = bpf_map__fd(map);
    if (!bpf_map__is_internal(map)) {
      text += fmt::format("#define {} (*(struct defined_by_user_space*)bpf_pseudo_fd({}, {}))\n",
                          name,
                          BPF_PSEUDO_MAP_FD,
                          fd);
      continue;
    }
    const std::string section(name.substr(name.rfind('.')));
    const int id = btf__find_by_name_kind(types, section.c_str(), BTF_KIND_DATASEC);
    if (id < 0) return fail(ErrorKind::kCorrupt, "the BPF object has variables without types");
    text += variable_definitions(types, btf__type_by_id(types, static_cast<uint32_t>(id)), fd);
  }
  return text;
}

}  // namespace pgflame::capture
