#include "flamegraph/frame_tree.h"

#include <map>

#include <doctest/doctest.h>

#include "flamegraph/layout.h"
#include "tests/support/profile_text.h"

using namespace pgflame;
using namespace pgflame::flamegraph;
using pgflame::testing::profile_from_folded;

namespace {

// "a;b 3/1": total and self in samples (1 000 000 weight each).
std::string to_text(const Profile& profile, const FrameTree& tree) {
  std::map<std::string, std::string> rows;
  std::vector<std::string> paths(tree.nodes.size());
  for (uint32_t i = 1; i < tree.nodes.size(); ++i) {
    const Node& node = tree.nodes[NodeId{i}];
    paths[i] = (node.parent == kRoot ? "" : paths[node.parent.value] + ";") +
               std::string(name_of(profile, tree, NodeId{i}));
    rows[paths[i]] =
        std::to_string(node.total / 1'000'000) + "/" + std::to_string(node.self / 1'000'000);
  }
  std::string text;
  for (const auto& [path, numbers] : rows)
    text += path + ' ' + numbers + '\n';
  return text;
}

}  // namespace

TEST_SUITE("flamegraph") {
  TEST_CASE("equal callers are merged and totals add up") {
    const Profile profile = profile_from_folded("a;b;c 3\na;b 1\na;d 2\nx 4\n");
    const FrameTree tree = collapse(profile);
    CHECK(to_text(profile, tree) == "a 6/0\na;b 4/1\na;b;c 3/3\na;d 2/2\nx 4/4\n");
    CHECK(tree.nodes[kRoot].total == 10'000'000);
    CHECK(tree.nodes[kRoot].samples == 10);
  }

  TEST_CASE("direct recursion can be merged") {
    const Profile profile = profile_from_folded("f;f;f;g 2\nf;g;f 1\n");
    CollapseOptions options;
    options.merge_recursion = true;
    CHECK(to_text(profile, collapse(profile, options)) == "f 3/0\nf;g 3/2\nf;g;f 1/1\n");
  }

  TEST_CASE("only selected samples take part, and a tip stands on top of their stacks") {
    const Profile profile = profile_from_folded("a;b 3\na;c 5\n");
    CollapseOptions options;
    options.select = [&](const Sample& sample) { return sample.count == 3; };
    options.tip = [](const Sample&) { return std::string("LWLock:WALWrite"); };
    CHECK(to_text(profile, collapse(profile, options)) ==
          "a 3/0\na;b 3/0\na;b;LWLock:WALWrite 3/3\n");
  }

  TEST_CASE("stacks stand on their base, if they have one") {
    const Profile profile = profile_from_folded("a;b 3\na;c 6\nb 7\n");
    CollapseOptions options;
    options.base = [&](const Sample& sample) {
      if (sample.count == 7) return std::string();
      return std::string(sample.count == 6 ? "six" : "other");
    };
    options.tip = [](const Sample& sample) { return std::string(sample.count == 6 ? "six" : ""); };
    const FrameTree tree = collapse(profile, options);
    CHECK(to_text(profile, tree) ==
          "b 7/7\nother 3/0\nother;a 3/0\nother;a;b 3/3\n"
          "six 6/0\nsix;a 6/0\nsix;a;c 6/0\nsix;a;c;six 6/6\n");
    CHECK(tree.nodes[kRoot].total == 16'000'000);
    std::string bases;
    for (uint32_t i = 0; i < tree.nodes.size(); ++i) {
      if (is_base(tree, NodeId{i})) bases += std::string(name_of(profile, tree, NodeId{i})) + ' ';
    }
    CHECK(bases == "other six ");
    CHECK(name_of(profile, tree, tree.node_of_sample[1]) == "six");
    CHECK(name_of(profile, tree, tree.nodes[tree.node_of_sample[1]].parent) == "c");
  }

  TEST_CASE("every moment of a stack is at its node") {
    Profile profile = profile_from_folded("a;b 3\na;c 5\n");
    const std::vector<Sample> rows = profile.samples;
    profile.samples = {rows[0], rows[0], rows[1], rows[0]};
    profile.samples[1].second = 7;
    const FrameTree tree = collapse(profile);
    REQUIRE(tree.node_of_sample.size() == 4);
    CHECK(name_of(profile, tree, tree.node_of_sample[0]) == "b");
    CHECK(tree.node_of_sample[1] == tree.node_of_sample[0]);
    CHECK(name_of(profile, tree, tree.node_of_sample[2]) == "c");
    CHECK(tree.node_of_sample[3] == tree.node_of_sample[0]);
    CHECK(to_text(profile, tree) == "a 14/0\na;b 9/9\na;c 5/5\n");
  }

  TEST_CASE("siblings stand in the order of their names and fill their caller") {
    const Profile profile = profile_from_folded("r;b 1\nr;a 2\nr;c 1\n");
    LayoutOptions options;
    options.width = 400;
    const auto boxes = layout(profile, collapse(profile), options);
    REQUIRE(boxes.size() == 5);
    CHECK(boxes[2].x == 0);
    CHECK(boxes[2].width == 200);
    CHECK(boxes[3].x == 200);
    CHECK(boxes[4].x == 300);
    CHECK(boxes[4].depth == 2);
  }

  TEST_CASE("siblings too narrow to be seen share one box that counts them") {
    std::string folded = "r;wide 10000\n";
    for (int i = 0; i < 40; ++i)
      folded += "r;narrow" + std::to_string(i) + " 1\n";
    const Profile profile = profile_from_folded(folded);
    const auto boxes = layout(profile, collapse(profile), LayoutOptions{1000, 0.3, 400});
    REQUIRE(boxes.size() == 4);
    CHECK(boxes[3].merged == 40);
    CHECK(boxes[3].samples == 40);
    CHECK(boxes[3].width == doctest::Approx(1000 * 40 / 10040.0));
  }

  TEST_CASE("a stack deeper than the limit ends in a gathered box") {
    std::string folded = "f";
    for (int i = 0; i < 5000; ++i)
      folded += ";f";
    const Profile profile = profile_from_folded(folded + " 1\n");
    const auto boxes = layout(profile, collapse(profile), LayoutOptions{1000, 0.3, 400});
    CHECK(depth_of(boxes) == 401);
    CHECK(boxes.back().merged == 1);
  }

  TEST_CASE("nothing sampled gives no boxes") {
    const Profile profile = profile_from_folded("");
    CHECK(layout(profile, collapse(profile), {}).empty());
  }
}
