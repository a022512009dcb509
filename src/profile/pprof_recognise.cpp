#include <algorithm>
#include <array>

#include "src/profile/pprof.h"
#include "src/profile/pprof_fields.h"
#include "src/profile/pprof_wire.h"

namespace pgflame {

bool looks_like_pprof(std::string_view start) {
  using enum pprof::ProfileField;
  constexpr std::array kNumbers{kTimeNanos, kDurationNanos, kPeriod, kDefaultSampleType};
  constexpr std::array kBytes{
      kSampleType, kSample, kMapping, kLocation, kFunction, kStringTable, kPeriodType, kMetadata};
  // Of those that are not read: drop_frames, keep_frames and doc_url are numbers of strings.
  constexpr std::array<uint32_t, 3> kOthers{7, 8, 15};
  bool any = false;
  try {
    for (protozero::pbf_message<pprof::ProfileField> message(start.data(), start.size());
         message.next();) {
      const auto is_tag = [&](pprof::ProfileField field) { return message.tag() == field; };
      const bool is_varint = message.wire_type() == protozero::pbf_wire_type::varint;
      const bool is_bytes = message.wire_type() == protozero::pbf_wire_type::length_delimited;
      const bool other =
          std::ranges::find(kOthers, static_cast<uint32_t>(message.tag())) != kOthers.end();
      const bool fits = (is_varint && (other || std::ranges::any_of(kNumbers, is_tag))) ||
                        (is_bytes && std::ranges::any_of(kBytes, is_tag)) ||
                        ((is_varint || is_bytes) && is_tag(kComment));
      if (!fits) return false;
      any = true;
      message.skip();
    }
  } catch (const protozero::end_of_buffer_exception&) {
    return any;  // goes on behind what is seen here
  } catch (const protozero::exception&) {
    return false;
  }
  return any;
}

}  // namespace pgflame
