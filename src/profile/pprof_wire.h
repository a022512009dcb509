// protozero, told to throw. Private to the pprof reader.
#pragma once

#include <protozero/exception.hpp>

// A field of the wrong wire type is broken input, not a bug of ours: throw instead of abort.
#define protozero_assert(condition)                          \
  if (!(condition)) throw protozero::invalid_tag_exception { \
    }
#include <protozero/pbf_message.hpp>
