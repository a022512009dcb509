// Field numbers of pprof's proto/profile.proto. Private to the pprof reader and writer.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgflame::pprof {

// kMetadata is ours: JSON text. Early captures have it in a comment, behind kCommentPrefix.
enum class ProfileField : uint32_t {
  kSampleType = 1,
  kSample = 2,
  kMapping = 3,
  kLocation = 4,
  kFunction = 5,
  kStringTable = 6,
  kTimeNanos = 9,
  kDurationNanos = 10,
  kPeriodType = 11,
  kPeriod = 12,
  kComment = 13,
  kDefaultSampleType = 14,
  kMetadata = 1000
};
enum class ValueTypeField : uint32_t { kType = 1, kUnit = 2 };
// kMoments is ours: triples of seconds since the triple before, count and weight. They add up to
// the sample's values, and stand in place of its label "second".
enum class SampleField : uint32_t { kLocationId = 1, kValue = 2, kLabel = 3, kMoments = 1000 };
enum class LabelField : uint32_t { kKey = 1, kStr = 2, kNum = 3, kNumUnit = 4 };
enum class MappingField : uint32_t {
  kId = 1,
  kMemoryStart = 2,
  kMemoryLimit = 3,
  kFileOffset = 4,
  kFilename = 5,
  kBuildId = 6,
  kHasFunctions = 7
};
enum class LocationField : uint32_t { kId = 1, kMappingId = 2, kAddress = 3, kLine = 4 };
enum class LineField : uint32_t { kFunctionId = 1, kLine = 2 };
enum class FunctionField : uint32_t { kId = 1, kName = 2, kSystemName = 3, kFilename = 4 };

inline constexpr std::string_view kCommentPrefix = "pgflame:";

}  // namespace pgflame::pprof
