// The saved form of a Profile: pprof, gzip-compressed (.pb.gz).
//
// Tags are pprof labels (pid, backend_type, database, user, application, state, wait_event,
// query_id, second, stack_end); what pprof has no field for (Recording, clusters, queries, module
// kinds, name tiers) is JSON in a field that other tools skip. They read the file as an ordinary
// profile with the sample types samples/count and cpu/nanoseconds; one that they write anew has
// lost that part. Names and paths that are no UTF-8 lose what is not (proto3 strings are).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/profile/packed_size.h"
#include "src/profile/profile.h"

namespace pgflame {

enum class PprofForm : uint8_t {
  kExchange,  // one row per sample and second, labels that other tools understand
  // For inside a report: a third of the size. The seconds of equal samples are in one row, in a
  // field of our own (pprof_fields.h), and of the backend there is only the number. Other tools
  // see a sample without its time and process.
  kEmbedded
};
// gzip-compressed. Empty as soon as it is clear that there will be more than `most` bytes; what is
// only a little larger is written all the same.
std::string write_pprof(const Profile& profile,
                        PprofForm form = PprofForm::kExchange,
                        size_t most = kAnySize);

// Reads what write_pprof wrote and what other tools write (gzip-compressed or not). Of a file that
// is cut, what is whole, which then has recording.truncated_input; others than ours have their
// names at the end, so that it may have none. Hostile input ends in an Error; memory stays
// proportional to the uncompressed size, which is limited to 1 GiB. `event`: the sample type that
// is wanted; empty: the one that means CPU time, else the first. A usage error when it is not
// there.
Result<Profile> read_pprof(std::string_view bytes, std::string_view event = {});

// Whether the beginning of a file (not compressed) is that of a profile: only fields that pprof
// has.
bool looks_like_pprof(std::string_view start);

}  // namespace pgflame
