// What the bcc sampler does before and after the compiler: where it looks, what it makes of what
// the kernel and the compiler say.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "bpf/sample_event.h"
#include "src/capture/bcc_compiler.h"
#include "src/capture/bcc_image.h"
#include "src/capture/bcc_programs.h"
#include "src/capture/tracepoints.h"

using namespace pgflame;
using namespace pgflame::capture;
namespace fs = std::filesystem;

namespace {

class Host {
 public:
  Host() {
    std::string name = "/tmp/pgflame-bcc-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    make("bin/pgflame");
    places.headers = folder_ / "build";
    places.packed_headers = folder_ / "kheaders.tar.xz";
    places.executable = folder_ / "bin/pgflame";
    places.library_folder = folder_ / "lib";
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() { fs::remove_all(folder_); }

  void make(const fs::path& file, fs::perms mode = fs::perms::owner_all) const {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << "x";
    fs::permissions(folder_ / file, mode);
  }

  BccPlaces places;

 private:
  fs::path folder_;
};

constexpr bpf_insn kExit{.code = BPF_JMP | BPF_EXIT,
                         .dst_reg = 0,
                         .src_reg = 0,
                         .off = 0,
                         .imm = 0};

bpf_insn instruction(int code, int target, int source, int value) {
  bpf_insn made{};
  made.code = static_cast<uint8_t>(code);
  made.dst_reg = static_cast<uint8_t>(target & 15);
  made.src_reg = static_cast<uint8_t>(source & 15);
  made.imm = value;
  return made;
}

void load_function(std::vector<bpf_insn>& code, int place) {
  code.push_back(instruction(BPF_LD | BPF_DW, BPF_REG_2, 0, place * 8));
  code.push_back({});
}

// A directory of the functions at 10 (calls the one at 16), 14 (takes the address of the one at
// 17), 16, 17 and the end at 18.
std::vector<bpf_insn> compiled() {
  std::vector<bpf_insn> code;
  for (const int place : {17, 21, 24, 25, 26}) {
    load_function(code, place);
    code.push_back(instruction(BPF_JMP | BPF_CALL, 0, 0, kDirectoryHelper));
  }
  code.push_back(kExit);
  code.push_back({});
  const auto call = [](int distance) {
    return instruction(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, distance);
  };
  code.push_back(call(24 - 17 - 1));
  code.push_back(call(24 - 18 - 1));
  code.push_back({});
  code.push_back(kExit);
  load_function(code, 25);
  code.push_back(kExit);
  code.push_back(kExit);
  code.push_back(kExit);
  code.push_back(kExit);
  return code;
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("without the kernel's headers the bcc sampler says what to install") {
    const Host host;
    const auto found = find_bcc_module(host.places);
    REQUIRE_FALSE(found);
    CHECK(found.error().what ==
          host.places.headers + ", the headers of this kernel, does not exist");
    CHECK(found.error().hint.starts_with("install them (Debian: apt-get install linux-headers-"));
  }

  TEST_CASE("the bcc module is looked for beside the executable and in the library folder") {
    const Host host;
    host.make("build");
    const auto missing = find_bcc_module(host.places);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().what ==
          "pgflame_bcc.so, the module for the bcc sampler, is not installed");
    CHECK(missing.error().hint ==
          "put it into " + fs::path(host.places.executable).parent_path().string());
    host.make("lib/pgflame_bcc.so");
    CHECK(find_bcc_module(host.places).value() == host.places.library_folder + "/pgflame_bcc.so");
    host.make("bin/pgflame_bcc.so");
    CHECK(find_bcc_module(host.places).value() == host.places.executable + "_bcc.so");
  }

  TEST_CASE("a bcc module that others could have written is not loaded") {
    const Host host;
    host.make("kheaders.tar.xz");
    host.make("bin/pgflame_bcc.so", fs::perms::owner_all | fs::perms::others_write);
    CHECK_FALSE(find_bcc_module(host.places));
  }

  TEST_CASE("fields of tracepoints are found where the kernel says that they are") {
    constexpr std::string_view kFormat =
        "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
        "\tfield:__data_loc char[] comm;\toffset:8;\tsize:4;\tsigned:0;\n"
        "\tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;\n\nprint fmt: \"pid=%d\", REC->pid\n";
    CHECK(field_offset(kFormat, "pid").value() == 12);
    CHECK(field_offset(kFormat, "common_pid").value() == 4);
    CHECK_FALSE(field_offset(kFormat, "prev_pid"));
  }

  TEST_CASE("a program is linked with what it calls, once, and nothing else") {
    const auto image = BccImage::parse(compiled(), 5);
    REQUIRE(image);
    const LinkedProgram caller = image->link(0);
    REQUIRE(caller.functions.size() == 2);
    CHECK(caller.functions[1].row == 2);
    CHECK(caller.functions[1].first_instruction == 4);
    CHECK(caller.instructions.size() == 5);
    CHECK(caller.instructions[0].imm == 3);
    CHECK(caller.instructions[1].imm == 2);
  }

  TEST_CASE("a callback is named by its distance") {
    const auto image = BccImage::parse(compiled(), 5);
    REQUIRE(image);
    const LinkedProgram user = image->link(1);
    REQUIRE(user.functions.size() == 2);
    CHECK(user.functions[1].row == 3);
    CHECK(user.instructions[0].src_reg == BPF_PSEUDO_FUNC);
    CHECK(user.instructions[0].imm == 2);
  }

  TEST_CASE("an image with other functions than expected is refused") {
    CHECK_FALSE(BccImage::parse(compiled(), 6));
    CHECK_FALSE(BccImage::parse({}, 1));
    std::vector<bpf_insn> cut = compiled();
    cut.pop_back();
    cut.pop_back();
    CHECK_FALSE(BccImage::parse(cut, 5));
  }

  TEST_CASE("the notes say what wrong headers cost") {
    constexpr uint8_t kAll = HEADERS_PID | HEADERS_RUNTIME | HEADERS_REGISTERS;
    const size_t always = notes_on_headers(kAll).size();
    CHECK(notes_on_headers(0).size() == always + 3);
    const auto notes = notes_on_headers(HEADERS_PID | HEADERS_RUNTIME);
    REQUIRE(notes.size() == always + 1);
    CHECK(notes.back().find("frame pointers") != std::string::npos);
  }
}
