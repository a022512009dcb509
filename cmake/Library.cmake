# pgflame_library(NAME folder sources... [LINK targets...]): one static library per folder, with the
# project's warnings as errors and no global flags.
add_library(pgflame_settings INTERFACE)
target_include_directories(pgflame_settings INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(pgflame_settings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
    -Wno-overlength-strings>  # embedded files are one literal each
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>  # gcc 12 bug 105651
  -fno-omit-frame-pointer -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(PGFLAME_SANITIZE)
  target_compile_options(pgflame_settings INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  target_link_options(pgflame_settings INTERFACE -fsanitize=address,undefined)
endif()
if(PGFLAME_FUZZ)
  target_compile_options(pgflame_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(pgflame_library name)
  cmake_parse_arguments(ARG "" "" "LINK;PRIVATE_LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC pgflame_settings ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()
