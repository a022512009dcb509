# pgflame_embed(TARGET NAMESPACE FUNCTION FILES...): compiles text files into TARGET. Declares, for a
# header of ours to repeat, `std::span<const NAMESPACE::EmbeddedFile> NAMESPACE::FUNCTION()`; the
# struct lives in src/base/embedded_file.h.
set(PGFLAME_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

if(CMAKE_SCRIPT_MODE_FILE)
  string(REPLACE "|" ";" FILES "${FILES}")
  set(rows "")
  foreach(file IN LISTS FILES)
    file(READ ${file} content)
    get_filename_component(name ${file} NAME)
    string(APPEND rows "    {\"${name}\", R\"~~(${content})~~\"},\n")
  endforeach()
  list(LENGTH FILES count)
  file(WRITE ${OUT} "#include <array>
#include <span>
#include \"src/base/embedded_file.h\"
namespace ${NAMESPACE} {
std::span<const pgflame::EmbeddedFile> ${FUNCTION}();
std::span<const pgflame::EmbeddedFile> ${FUNCTION}() {
  static constexpr std::array<pgflame::EmbeddedFile, ${count}> kFiles{{
${rows}  }};
  return kFiles;
}
}  // namespace ${NAMESPACE}
")
  return()
endif()

function(pgflame_embed target namespace function)
  set(files "")
  foreach(file IN LISTS ARGN)
    list(APPEND files ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  endforeach()
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  string(REPLACE ";" "|" list "${files}")
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${list}" -DOUT=${out} -DNAMESPACE=${namespace}
            -DFUNCTION=${function} -P ${PGFLAME_EMBED_SCRIPT}
    DEPENDS ${files} ${PGFLAME_EMBED_SCRIPT} VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
