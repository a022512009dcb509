#include "symbolizer/debuginfod.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include "src/base/file.h"

namespace pgflame::symbolizer {
namespace {

TEST_SUITE_BEGIN("symbolizer");

// Answers every connection on 127.0.0.1 with the same bytes, or with silence.
class Server {
 public:
  explicit Server(std::string answer) : answer_(std::move(answer)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket_, 8) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  void serve() {
    std::vector<int> connections;
    for (int one = ::accept(socket_, nullptr, nullptr); one >= 0;
         one = ::accept(socket_, nullptr, nullptr)) {
      connections.push_back(one);
      char request[4096];
      if (answer_.empty() || ::recv(one, request, sizeof request, 0) <= 0) continue;
      static_cast<void>(::send(one, answer_.data(), answer_.size(), MSG_NOSIGNAL));
      ::shutdown(one, SHUT_WR);
    }
    for (const int one : connections)
      ::close(one);
  }

  std::string answer_;
  int socket_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

std::string answer_with(const std::string& body) {
  return "HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// The client's own cache in a folder that goes with the test.
struct Environment {
  std::string folder = "/tmp/pgflame-debuginfod-" + std::to_string(::getpid());

  explicit Environment(const Server& server) {
    ::setenv("DEBUGINFOD_URLS", server.url().c_str(), 1);
    ::setenv("DEBUGINFOD_CACHE_PATH", folder.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    ::unsetenv("DEBUGINFOD_URLS");
    ::unsetenv("DEBUGINFOD_CACHE_PATH");
    std::error_code error;
    std::filesystem::remove_all(folder, error);
  }
};

const std::string kBuildId = "0123456789abcdef0123456789abcdef01234567";

TEST_CASE("debuginfod gives the file that a server has for a build-id") {
  const Server server(answer_with("the debug file"));
  const Environment environment(server);
  const auto client = Debuginfod::open({});
  REQUIRE(client);
  const std::string path = (*client)->find(kBuildId);
  REQUIRE(!path.empty());
  const auto text = read_file(path);
  REQUIRE(text);
  CHECK(*text == "the debug file");
  CHECK((*client)->find("").empty());
}

TEST_CASE("a debuginfod server that has nothing, too much or no time is done without") {
  struct Case {
    const char* what;
    std::string answer;
    DebuginfodLimits limits;
  };
  using std::chrono::milliseconds;
  const Case cases[] = {
      {"nothing", "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n", {}},
      {"too much", answer_with(std::string(100'000, 'x')), {.max_bytes = 1000}},
      {"silence", "", {.per_file = milliseconds(200)}},
      {"no time left", answer_with("late"), {.total = milliseconds(0)}},
  };
  for (const Case& row : cases) {
    CAPTURE(row.what);
    const Server server(row.answer);
    const Environment environment(server);
    const auto client = Debuginfod::open(row.limits);
    REQUIRE(client);
    const auto start = std::chrono::steady_clock::now();
    CHECK((*client)->find(kBuildId).empty());
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  }
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
