#include "src/report/palette.h"

#include <array>
#include <cmath>

#include <doctest/doctest.h>

#include "src/base/text.h"
#include "src/report/change.h"

using namespace pgflame;
using namespace pgflame::report;
using pgflame::postgres::Area;

namespace {

using Rgb = std::array<double, 3>;  // linear light, 0..1

Rgb linear(std::string_view hex) {
  Rgb colour{};
  for (size_t i = 0; i < 3; ++i) {
    const double v = static_cast<double>(parse_u64(hex.substr(1 + 2 * i, 2), 16).value()) / 255;
    colour[i] = v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  }
  return colour;
}

double luminance(const Rgb& c) {
  return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
}

// WCAG 2.2, "contrast ratio".
double contrast(std::string_view a, std::string_view b) {
  const double x = luminance(linear(a)) + 0.05;
  const double y = luminance(linear(b)) + 0.05;
  return x > y ? x / y : y / x;
}

using Matrix = std::array<std::array<double, 3>, 3>;

// Machado, Oliveira, Fernandes 2009, severity 1.0, for linear RGB.
constexpr Matrix kNormal{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
constexpr Matrix kProtan{{{0.152286, 1.052583, -0.204868},
                          {0.114503, 0.786281, 0.099216},
                          {-0.003882, -0.048116, 1.051998}}};
constexpr Matrix kDeutan{{{0.367322, 0.860646, -0.227968},
                          {0.280085, 0.672501, 0.047413},
                          {-0.011820, 0.042940, 0.968881}}};
constexpr Matrix kTritan{{{1.255528, -0.076749, -0.178779},
                          {-0.078411, 0.930809, 0.147602},
                          {0.004733, 0.691367, 0.303900}}};

Rgb seen(const Rgb& c, const Matrix& eye) {
  Rgb out{};
  for (size_t i = 0; i < 3; ++i)
    out[i] = std::max(0.0, eye[i][0] * c[0] + eye[i][1] * c[1] + eye[i][2] * c[2]);
  return out;
}

// Björn Ottosson's OKLab; distances times 100.
Rgb oklab(const Rgb& c) {
  const double l = std::cbrt(0.4122214708 * c[0] + 0.5363325363 * c[1] + 0.0514459929 * c[2]);
  const double m = std::cbrt(0.2119034982 * c[0] + 0.6806995451 * c[1] + 0.1073969566 * c[2]);
  const double s = std::cbrt(0.0883024619 * c[0] + 0.2817188376 * c[1] + 0.6299787005 * c[2]);
  return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

double distance(std::string_view a, std::string_view b, const Matrix& eye) {
  const Rgb x = oklab(seen(linear(a), eye));
  const Rgb y = oklab(seen(linear(b), eye));
  return 100 * std::hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}

}  // namespace

TEST_SUITE("report") {
  TEST_CASE("text on every fill has a contrast of at least 4.5 to 1") {
    for (const flamegraph::ColourClass& colour : colour_classes()) {
      CAPTURE(colour.id);
      CHECK(contrast(colour.fill, kFrameInk) >= 4.5);
    }
    for (const Role& role : {kInk, kMuted, kAccent}) {
      for (const Role& back : {kPaper, kCard, kCode}) {
        CAPTURE(role.css_class);
        CAPTURE(back.css_class);
        CHECK(contrast(role.fill, back.fill) >= 4.5);
      }
    }
    for (const char grade : {'A', 'B', 'C', 'D', 'E', 'F'})
      CHECK(contrast(fill_of_grade(grade), "#ffffff") >= 4.5);
  }

  TEST_CASE("areas that meet in most graphs can be told apart by colour-blind eyes") {
    constexpr std::array kOftenTogether{std::pair{Area::kExecutor, Area::kExpression},
                                        std::pair{Area::kExpression, Area::kTuple},
                                        std::pair{Area::kExecutor, Area::kTuple},
                                        std::pair{Area::kExecutor, Area::kHeap},
                                        std::pair{Area::kExecutor, Area::kHash},
                                        std::pair{Area::kExecutor, Area::kSort},
                                        std::pair{Area::kExecutor, Area::kIndex},
                                        std::pair{Area::kTuple, Area::kHeap},
                                        std::pair{Area::kHeap, Area::kBuffer},
                                        std::pair{Area::kIndex, Area::kBuffer},
                                        std::pair{Area::kBuffer, Area::kKernel},
                                        std::pair{Area::kKernel, Area::kMain},
                                        std::pair{Area::kKernel, Area::kUnnamed},
                                        std::pair{Area::kExpression, Area::kMemory},
                                        std::pair{Area::kPlanner, Area::kExecutor},
                                        std::pair{Area::kLock, Area::kHeap},
                                        std::pair{Area::kHash, Area::kTuple},
                                        std::pair{Area::kHash, Area::kBuffer},
                                        std::pair{Area::kHash, Area::kExpression},
                                        std::pair{Area::kHash, Area::kHeap},
                                        std::pair{Area::kSort, Area::kHeap},
                                        std::pair{Area::kSort, Area::kKernel},
                                        std::pair{Area::kSort, Area::kTuple},
                                        std::pair{Area::kPlanner, Area::kExpression},
                                        std::pair{Area::kPlanner, Area::kCatalog},
                                        std::pair{Area::kPlanner, Area::kParser},
                                        std::pair{Area::kWal, Area::kLock},
                                        std::pair{Area::kNetwork, Area::kUtility},
                                        std::pair{Area::kOther, Area::kKernel},
                                        std::pair{Area::kLock, Area::kUnnamed}};
    for (const Matrix& eye : {kNormal, kProtan, kDeutan, kTritan}) {
      for (const auto& pair : kOftenTogether) {
        const auto a = pair.first;
        const auto b = pair.second;
        CAPTURE(id_of(a));
        CAPTURE(id_of(b));
        CAPTURE(eye[0][0]);
        CHECK(distance(fill_of(a), fill_of(b), eye) >= 6);
      }
    }
  }

  TEST_CASE("where the time went can be told apart by colour-blind eyes") {
    constexpr std::array<std::string_view, 8> kParts{
        "running", "runnable", "LWLock", "Lock", "IO", "Client", "idle", "unexplained"};
    for (const Matrix& eye : {kNormal, kProtan, kDeutan, kTritan}) {
      for (size_t i = 0; i < kParts.size(); ++i) {
        for (size_t k = i + 1; k < kParts.size(); ++k) {
          CAPTURE(kParts[i]);
          CAPTURE(kParts[k]);
          CHECK(distance(fill_of_time(kParts[i]), fill_of_time(kParts[k]), eye) >= 6);
        }
      }
    }
  }

  TEST_CASE("more, less and noise can be told apart by colour-blind eyes and carry text") {
    const auto fill = [](double points) {
      const Trend trend = points == 0 ? Trend::kSame : points > 0 ? Trend::kGrew : Trend::kShrank;
      return fill_of(Change{0.3, 0.3 + points / 100, trend});
    };
    constexpr std::array kSteps{-10.0, -2.0, -1.0, 0.0, 1.0, 2.0, 10.0};
    for (const double step : kSteps)
      CHECK(contrast(fill(step), kFrameInk) >= 4.5);
    for (const Matrix& eye : {kNormal, kProtan, kDeutan, kTritan}) {
      for (size_t i = 1; i < kSteps.size(); ++i) {
        CAPTURE(kSteps[i]);
        CHECK(distance(fill(kSteps[i - 1]), fill(kSteps[i]), eye) >= 6);
      }
    }
  }

  TEST_CASE("no two areas look alike, whatever eyes they are seen with") {
    for (const Matrix& eye : {kNormal, kProtan, kDeutan, kTritan}) {
      for (size_t i = 0; i < postgres::kAreaCount; ++i) {
        for (size_t k = i + 1; k < postgres::kAreaCount; ++k) {
          CAPTURE(id_of(Area(i)));
          CAPTURE(id_of(Area(k)));
          CHECK(distance(fill_of(Area(i)), fill_of(Area(k)), eye) >= 4);
        }
      }
    }
  }
}
