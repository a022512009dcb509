#include "src/input/perf_data.h"

#include <algorithm>
#include <memory>

#include "src/base/text.h"
#include "src/input/hand_over.h"
#include "src/input/perf_assembler.h"
#include "src/input/perf_decoder.h"
#include "src/input/perf_header.h"
#include "src/input/perf_recording.h"
#include "src/input/record_bytes.h"
#include "src/input/record_stream.h"
#include "src/input/sample_filter.h"
#include "src/input/spill.h"

namespace pgflame::input {
namespace {

constexpr size_t kPipeHeaderSize = 16;
constexpr uint64_t kMaxSpilled = uint64_t{64} << 30;

// One stream of records, cut and decoded.
class Source {
 public:
  Source(std::unique_ptr<RecordBytes> bytes, BlockPool& blocks, PerfDecoder& decoder)
      : bytes_(std::move(bytes)),
        decoder_(&decoder),
        records_(decoder.meta().swapped,
                 blocks,
                 [&decoder, from = bytes_.get()](const PerfRecord& record) {
                   if (from->are_there(record.body)) decoder.record(record);
                 }) {}

  // Reads and decodes the next piece. Nothing happens any more once at_end().
  Status advance() {
    const auto got = bytes_->more();
    if (!got) return fail(got.error());
    bytes_->took(records_.feed(bytes_->ready(), bytes_->block()));
    latest_time_ = std::max(latest_time_, decoder_->last_time());
    at_end_ = *got == 0 || records_.stopped() || decoder_->error().has_value();
    return {};
  }

  bool at_end() const { return at_end_; }
  uint64_t latest_time() const { return latest_time_; }
  uint64_t bad_records() const { return records_.bad_records(); }
  // The end is not the end of a record.
  bool is_cut() const {
    return !bytes_->ready().empty() || records_.stopped() || records_.has_unfinished_record();
  }

 private:
  std::unique_ptr<RecordBytes> bytes_;
  PerfDecoder* decoder_;
  RecordStream records_;
  uint64_t latest_time_ = 0;
  bool at_end_ = false;
};

// A capture with all its streams.
struct Capture {
  std::unique_ptr<BlockPool> blocks = std::make_unique<BlockPool>();
  std::unique_ptr<SampleMemory> memory = std::make_unique<SampleMemory>();
  std::unique_ptr<PerfDecoder> decoder;
  std::shared_ptr<const ByteStream> file;         // of the first source; null: a pipe
  std::shared_ptr<const GuardedMapping> mapping;  // of the file; null: it is read
  std::vector<Source> sources;
  bool truncated = false;
  uint64_t size = UINT64_MAX;  // bytes of records; unknown for streams
};

// Decodes everything, always going on with the stream that is furthest behind in time, for as long
// as hand_on() wants more.
Status decode(Capture& capture, const std::function<bool(Batch)>& hand_on) {
  PerfDecoder& decoder = *capture.decoder;
  const bool several = capture.sources.size() > 1;
  if (several) decoder.ignore_rounds();
  for (;;) {
    const auto next = std::ranges::min_element(capture.sources, {}, [](const Source& source) {
      return std::pair(source.at_end(), source.latest_time());
    });
    if (next->at_end()) break;
    if (several) decoder.set_safe_time(next->latest_time());
    Status advanced = next->advance();
    if (!advanced) return advanced;
    if (!decoder.batch_is_full() && !several) continue;
    if (!hand_on(decoder.take_batch(capture.memory->take()))) return {};
  }
  decoder.finish();
  hand_on(decoder.take_batch({}));
  return {};
}

// A second thread is worth it from a few megabytes on.
Status run(Capture& capture, PerfAssembler& assembler) {
  constexpr uint64_t kSmall = uint64_t{2} << 20;
  Status status;
  const auto accept = [&](Batch batch) {
    assembler.accept(batch);
    capture.memory->give_back(std::move(batch.samples));
    return true;
  };
  if (capture.size < kSmall) {
    status = decode(capture, accept);
  } else {
    constexpr size_t kAhead = 16;
    make_and_use<Batch>(
        kAhead, [&](const auto& put) { status = decode(capture, put); }, accept);
  }
  assembler.finish();
  if (status && capture.decoder->error()) return fail(*capture.decoder->error());
  return status;
}

void fill_ends(const Capture& capture, Recording& recording) {
  for (const Source& source : capture.sources)
    recording.losses[static_cast<size_t>(Loss::kBadRecord)] += source.bad_records();
  recording.truncated_input = capture.truncated || (capture.file && capture.file->has_shrunk()) ||
                              std::ranges::any_of(capture.sources, &Source::is_cut);
}

// Those that a stream tells behind the maps.
void fill_build_ids(const PerfMeta& meta, Profile& profile) {
  for (Module& module : profile.modules) {
    if (!module.build_id.empty()) continue;
    if (module.kind == ModuleKind::kKernel) {
      module.build_id = meta.kernel_build_id;
    } else if (const auto known = meta.build_ids.find(module.path); known != meta.build_ids.end()) {
      module.build_id = known->second;
    }
  }
}

// What is walked once the file has lost bytes may be zeros, and zeros end a stack like a root.
Unwinder walking_in(std::shared_ptr<const GuardedMapping> mapping, Unwinder unwind) {
  if (!mapping || !unwind) return unwind;
  return [mapping = std::move(mapping), unwind = std::move(unwind)](
             const Profile& profile, const AddressSpace& space, const UserDump& dump) {
    UserStack stack = unwind(profile, space, dump);
    if (mapping->lost_bytes()) stack.end = StackEnd::kUnreadable;
    return stack;
  };
}

Result<Opened> assemble(Capture capture, Options options) {
  auto range = parse_time_range(options.time);
  if (!range) return fail(std::move(range).error());
  options.unwind = walking_in(capture.mapping, std::move(options.unwind));
  const PerfMeta& meta = capture.decoder->meta();
  if (*range && (*range)->wall_clock && meta.clock_wall == 0) {
    return fail(no_time_of_day());
  }
  PerfAssembler::Options settings;
  settings.wanted = &options;
  settings.range = *range;
  settings.first_time = meta.first_time;
  settings.wall_offset = wall_offset(meta);
  settings.host = meta.host;
  settings.kernel = meta.kernel;
  settings.build_ids = meta.build_ids;
  for (const PerfEvent& event : meta.events) {
    if (event.max_stack > 0) settings.max_stack = event.max_stack;
  }
  PerfAssembler assembler(settings);
  const Status done = run(capture, assembler);
  if (!done) return fail(done.error());
  Opened opened;
  opened.format = Format::kPerfData;
  opened.profile = assembler.take();
  opened.events = event_names(capture.decoder->meta().events);
  fill_build_ids(capture.decoder->meta(), opened.profile);
  fill_recording(*capture.decoder, assembler, opened.profile.recording);
  fill_ends(capture, opened.profile.recording);
  if (*range) {
    Recording& recording = opened.profile.recording;
    if (Status clear = check_day(**range, recording); !clear) return fail(std::move(clear).error());
    narrow(recording, on_day(**range, recording.start_unix_ns));
  }
  return opened;
}

PerfDecoder::Options decoder_options(const Options& options) {
  return {options.event, static_cast<bool>(options.unwind)};
}

std::unique_ptr<RecordBytes> bytes_of(const Capture& capture, FileSection section) {
  if (capture.mapping) return bytes_in(capture.mapping, section);
  const auto read = [stream = capture.file,
                     section](std::span<uint8_t> out) mutable -> Result<size_t> {
    const uint64_t wanted = std::min<uint64_t>(out.size(), section.size);
    const size_t got = stream->read_at(section.offset, out.first(static_cast<size_t>(wanted)));
    section.offset += got;
    section.size -= got;
    return got;
  };
  return bytes_read_by(read, *capture.blocks);
}

FileReader file_reader(const std::shared_ptr<ByteStream>& stream) {
  return {stream->file_size(), [stream](uint64_t offset, uint64_t count) {
            const uint64_t available =
                offset < stream->file_size() ? stream->file_size() - offset : 0;
            std::vector<uint8_t> bytes(static_cast<size_t>(std::min(count, available)));
            bytes.resize(stream->read_at(offset, bytes));
            return bytes;
          }};
}

Result<Capture> open_file(ByteStream stream, const Options& options) {
  if (!stream.is_plain_file()) {
    // Features lie behind the samples: a file that comes as a stream is read by position, too.
    auto plain = spill(stream, kMaxSpilled, options.temporary_folder);
    if (!plain) return fail(std::move(plain).error());
    const bool truncated = stream.truncated();
    auto capture = open_file(std::move(*plain), options);
    if (capture) capture->truncated = capture->truncated || truncated;
    return capture;
  }
  const auto shared = std::make_shared<ByteStream>(std::move(stream));
  auto file = read_perf_file(file_reader(shared));
  if (!file) return fail(std::move(file).error());
  Capture capture;
  capture.truncated = file->truncated;
  capture.size = file->data.size;
  capture.decoder = std::make_unique<PerfDecoder>(std::move(file->meta), decoder_options(options));
  capture.file = shared;
  capture.mapping = shared->mapped();
  capture.sources.emplace_back(bytes_of(capture, file->data), *capture.blocks, *capture.decoder);
  return capture;
}

void add_stream(const std::shared_ptr<ByteStream>& stream, Capture& capture) {
  auto bytes = bytes_read_by([stream](std::span<uint8_t> out) { return stream->read(out); },
                             *capture.blocks);
  capture.sources.emplace_back(std::move(bytes), *capture.blocks, *capture.decoder);
}

Result<Capture> open_pipe(ByteStream stream, const Options& options) {
  const auto shared = std::make_shared<ByteStream>(std::move(stream));
  std::vector<uint8_t> header(kPipeHeaderSize);
  const auto got = shared->read(header);
  if (!got) return fail(got.error());
  PerfMeta meta;
  meta.swapped = is_swapped(header);
  Capture capture;
  capture.decoder = std::make_unique<PerfDecoder>(std::move(meta), decoder_options(options));
  add_stream(shared, capture);
  return capture;
}

}  // namespace

Result<Opened> read_perf_data(ByteStream stream, const Options& options) {
  const auto start = stream.peek(kPipeHeaderSize);
  if (!start) return fail(start.error());
  auto capture = is_perf_pipe(*start) ? open_pipe(std::move(stream), options)
                                      : open_file(std::move(stream), options);
  if (!capture) return fail(std::move(capture).error());
  const bool of_folder = capture->decoder->meta().of_folder;
  auto opened = assemble(std::move(*capture), options);
  if (of_folder && opened && opened->profile.samples.empty()) {
    return fail(ErrorKind::kNoSamples,
                "this is one file of a folder, and the samples are in the others",
                "give pgflame the folder that perf record --threads wrote");
  }
  return opened;
}

Result<Opened> read_perf_directory(const std::string& path, const Options& options) {
  auto stream = ByteStream::open(path + "/data");
  const auto start = stream ? stream->peek(kPipeHeaderSize) : fail(Error(stream.error()));
  if (!start || !is_perf_data(*start)) {
    return fail(ErrorKind::kUnsupported,
                path + " is a folder without a perf.data capture",
                "name a file, or the folder that perf record --threads wrote");
  }
  auto capture = open_file(std::move(*stream), options);
  if (!capture) return fail(std::move(capture).error());
  constexpr int kMaxStreams = 4096;
  for (int i = 0; i < kMaxStreams; ++i) {
    auto part = ByteStream::open(path + "/data." + std::to_string(i));
    if (!part) break;
    const auto shared = std::make_shared<ByteStream>(std::move(*part));
    add_stream(shared, *capture);
    capture->size += shared->file_size();
  }
  return assemble(std::move(*capture), options);
}

}  // namespace pgflame::input
