#include "src/profile/pprof_tables.h"

#include <algorithm>
#include <utility>

namespace pgflame::pprof {
namespace {

using protozero::data_view;
using protozero::pbf_message;

std::string_view view(data_view bytes) {
  return {bytes.data(), bytes.size()};
}

std::pair<int64_t, int64_t> read_value_type(data_view bytes) {
  std::pair<int64_t, int64_t> type;
  for (pbf_message<ValueTypeField> message(bytes); message.next();) {
    if (message.tag() == ValueTypeField::kType) {
      type.first = message.get_int64();
    } else if (message.tag() == ValueTypeField::kUnit) {
      type.second = message.get_int64();
    } else {
      message.skip();
    }
  }
  return type;
}

template <typename RowId>
RowId find(const std::unordered_map<uint64_t, RowId>& ids, uint64_t id) {
  const auto at = ids.find(id);
  return at == ids.end() ? RowId{} : at->second;
}

}  // namespace

Tables::Tables(std::string_view bytes, ProfileBuilder& builder) : builder_(&builder) {
  read_strings_and_types(bytes);
  // What a message speaks of by id may stand behind it in the file.
  for_each_message(bytes, ProfileField::kFunction, [this](data_view m) { read_function(m); });
  for_each_message(bytes, ProfileField::kMapping, [this](data_view m) { read_mapping(m); });
  for_each_message(bytes, ProfileField::kLocation, [this](data_view m) { read_location(m); });
}

std::string_view Tables::string(int64_t number) const {
  if (number < 0 || static_cast<size_t>(number) >= strings_.size()) return {};
  return strings_[static_cast<size_t>(number)];
}

LocationId Tables::location(uint64_t id) const {
  return find(locations_, id);
}

void Tables::read_strings_and_types(std::string_view bytes) {
  std::vector<std::pair<int64_t, int64_t>> types;
  std::vector<int64_t> comments;
  for (pbf_message<ProfileField> message(bytes.data(), bytes.size()); message.next();) {
    switch (message.tag()) {
      case ProfileField::kStringTable:
        strings_.push_back(view(message.get_view()));
        break;
      case ProfileField::kComment:
        comments.push_back(message.get_int64());
        break;
      case ProfileField::kMetadata:
        metadata_ = view(message.get_view());
        break;
      case ProfileField::kSampleType:
        types.push_back(read_value_type(message.get_view()));
        break;
      case ProfileField::kTimeNanos:
        profile().recording.start_unix_ns = message.get_int64();
        break;
      case ProfileField::kDurationNanos:
        profile().recording.duration_ns = message.get_int64();
        break;
      default:
        message.skip();
    }
  }
  for (const auto& [type, unit] : types)
    types_.push_back({string(type), string(unit)});
  find_metadata(comments);
}

void Tables::find_metadata(const std::vector<int64_t>& comments) {
  for (const int64_t comment : comments) {
    const std::string_view text = string(comment);
    if (metadata_.empty() && text.starts_with(kCommentPrefix))
      metadata_ = text.substr(kCommentPrefix.size());
  }
}

void Tables::read_function(data_view bytes) {
  Function function;
  uint64_t id = 0;
  for (pbf_message<FunctionField> message(bytes); message.next();) {
    switch (message.tag()) {
      case FunctionField::kId:
        id = message.get_uint64();
        break;
      case FunctionField::kName:
        function.name = string(message.get_int64());
        break;
      case FunctionField::kFilename:
        function.file = string(message.get_int64());
        break;
      default:
        message.skip();
    }
  }
  function.tier = NameTier::kGiven;
  if (function.name.empty()) {
    function.name = "[unnamed]";
    function.tier = NameTier::kNone;
    function.unnamed = Unnamed::kUnknownToInput;
  }
  // Rows stay in the file's order: the metadata speaks of them by number.
  functions_.try_emplace(id, profile().functions.add(std::move(function)));
}

void Tables::read_mapping(data_view bytes) {
  Mapping mapping;
  Module module;
  uint64_t id = 0;
  for (pbf_message<MappingField> message(bytes); message.next();) {
    switch (message.tag()) {
      case MappingField::kId:
        id = message.get_uint64();
        break;
      case MappingField::kMemoryStart:
        mapping.start = message.get_uint64();
        break;
      case MappingField::kMemoryLimit:
        mapping.end = message.get_uint64();
        break;
      case MappingField::kFileOffset:
        mapping.file_offset = message.get_uint64();
        break;
      case MappingField::kFilename:
        module.path = string(message.get_int64());
        break;
      case MappingField::kBuildId:
        module.build_id = string(message.get_int64());
        break;
      default:
        message.skip();
    }
  }
  module.kind = module.path.empty() ? ModuleKind::kUnknown : ModuleKind::kFile;
  if (module.path.starts_with("[kernel")) module.kind = ModuleKind::kKernel;
  if (module.path == "[vdso]") module.kind = ModuleKind::kVdso;
  mapping.module = builder_->module(module);
  mappings_.try_emplace(id, profile().mappings.add(mapping));
}

void Tables::read_location(data_view bytes) {
  Location location;
  location.first_line = static_cast<uint32_t>(profile().lines.size());
  uint64_t id = 0;
  for (pbf_message<LocationField> message(bytes); message.next();) {
    switch (message.tag()) {
      case LocationField::kId:
        id = message.get_uint64();
        break;
      case LocationField::kMappingId:
        location.mapping = find(mappings_, message.get_uint64());
        break;
      case LocationField::kAddress:
        location.address = message.get_uint64();
        break;
      case LocationField::kLine:
        read_line(message.get_view());
        break;
      default:
        message.skip();
    }
  }
  location.line_count = static_cast<uint32_t>(profile().lines.size()) - location.first_line;
  locations_.try_emplace(id, profile().locations.add(location));
}

void Tables::read_line(data_view bytes) {
  Line line;
  for (pbf_message<LineField> message(bytes); message.next();) {
    if (message.tag() == LineField::kFunctionId) {
      line.function = find(functions_, message.get_uint64());
    } else if (message.tag() == LineField::kLine) {
      line.line = static_cast<uint32_t>(std::clamp<int64_t>(message.get_int64(), 0, 1 << 30));
    } else {
      message.skip();
    }
  }
  if (line.function.valid()) profile().lines.push_back(line);
}

}  // namespace pgflame::pprof
