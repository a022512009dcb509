// Whole command lines, as a shell would give them.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/cli/app.h"
#include "tests/support/folder.h"

namespace {

using pgflame::Folder;

// Folded stacks of so many samples; returns the path.
std::string stacks(const Folder& folder, const char* name, int samples) {
  std::string path = folder / name;
  std::ofstream(path) << "postgres;main;PostgresMain;ExecSeqScan " << samples << '\n';
  return path;
}

// What the program writes to the terminal is of no interest here.
class Silence {
 public:
  Silence() {
    flush();
    out_ = dup(1);
    error_ = dup(2);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, 1);
    dup2(nowhere, 2);
    close(nowhere);
  }
  ~Silence() {
    flush();
    restore(out_, 1);
    restore(error_, 2);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  static void flush() {
    std::cout.flush();
    std::fflush(nullptr);
  }
  static void restore(int saved, int to) {
    dup2(saved, to);
    close(saved);
  }
  int out_ = -1;
  int error_ = -1;
};

int exit_code(std::vector<std::string> words) {
  words.insert(words.begin(), "pgflame");
  std::vector<char*> pointers;
  for (std::string& word : words)
    pointers.push_back(word.data());
  const Silence silence;
  return pgflame::cli::run(static_cast<int>(pointers.size()), pointers.data());
}

}  // namespace

TEST_SUITE("cli") {
  TEST_CASE("--strict asks for grade C, or for the one that follows it") {
    const Folder folder;
    const std::string good = stacks(folder, "good.folded", 5000);  // grade A
    const std::string few = stacks(folder, "few.folded", 150);     // grade C
    const std::string poor = stacks(folder, "poor.folded", 20);    // grade D or worse
    const auto report = [&](std::vector<std::string> words) {
      words.insert(words.begin(), {"report", "--force", "-o", folder / "out"});
      return exit_code(words);
    };
    CHECK(report({good}) == 0);
    CHECK(report({poor}) == 0);
    CHECK(report({good, "--strict"}) == 0);
    CHECK(report({few, "--strict"}) == 0);
    CHECK(report({poor, "--strict"}) == 4);
    CHECK(report({"--strict", poor}) == 4);
    CHECK(report({"--strict", good}) == 0);
    CHECK(report({"--strict", "--no-embed", poor}) == 4);
    CHECK(report({"--strict", "B", few}) == 4);
    CHECK(report({few, "--strict", "B"}) == 4);
    CHECK(report({"--strict=B", few}) == 4);
    CHECK(report({few, "--strict", "A"}) == 4);
    CHECK(report({poor, "--strict", "F"}) == 0);
    CHECK(report({poor, "--strict=F"}) == 0);
    CHECK(report({good, "--strict", "G"}) == 2);
    CHECK(report({good, "--strict=G"}) == 2);
    CHECK(report({poor, "--strict="}) == 4);
    CHECK(report({"--strict"}) == 2);  // no file
    CHECK(report({"--strict", "B"}) == 2);
  }

  TEST_CASE("-o names a file when it says its extension, a folder when it is one") {
    const Folder folder;
    const std::string good = stacks(folder, "good.folded", 5000);
    std::filesystem::create_directory(folder / "out");
    CHECK(exit_code({"report", good, "-o", folder / "out.svg"}) == 0);
    CHECK(std::filesystem::exists(folder / "out.svg"));
    CHECK(std::filesystem::is_empty(folder / "out"));
    CHECK(exit_code({"report", good, "-o", folder / "out"}) == 0);
    CHECK(std::filesystem::exists(folder / "out/good.svg"));
  }

  TEST_CASE("a rules file that names nothing and a condition on nothing are wrong usage") {
    const Folder folder;
    const std::string rules = folder / "rules.toml";
    std::ofstream(rules) << "[[wait]]\nevent = \"Lokc:*\"\nmeans = \"m\"\n";
    CHECK(exit_code({"rules", "check", rules}) == 2);
    std::ofstream(rules) << "[[wait]]\nevent = \"Lock:*\"\nmeans = \"m\"\n";
    CHECK(exit_code({"rules", "check", rules}) == 0);
    const std::string good = stacks(folder, "good.folded", 5000);
    CHECK(exit_code({"check", good, "--fail", "WAIT-LOKC>5%"}) == 2);
    CHECK(exit_code({"check", good, "--fail", "SORT>5%"}) == 0);
    CHECK(exit_code({"check", good, "--fail", "WAIT-LOCK>5%"}) == 4);  // no waits were captured
  }

  TEST_CASE("what filters remove is in the accounting line, with the reason") {
    const Folder folder;
    const std::string capture = folder / "two.folded";
    std::ofstream(capture) << "postgres;main 300\npsql;main 20\n";
    const std::string text = folder / "out.md";
    const auto report = [&](std::vector<std::string> words) {
      words.insert(words.begin(),
                   {"report", capture, "--force", "-o", folder / "out", "--md", text});
      CHECK(exit_code(words) == 0);
      std::ifstream file(text);
      return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const std::string part = report({"--comm", "postgres"});
    CHECK(part.find("300 samples · 20 left out · 0 lost") != std::string::npos);
    CHECK(part.find("part of the capture: --comm postgres") != std::string::npos);
    CHECK(report({}).find("left out") == std::string::npos);
    CHECK(exit_code({"report", capture, "--force", "-o", folder / "out", "--comm", "nope"}) == 3);
  }
}
