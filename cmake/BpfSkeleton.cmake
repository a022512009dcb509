find_program(CLANG_BPF NAMES clang REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin REQUIRED)

# add_bpf_object(OBJECT file.bpf.c TABLES): compiles the file with clang for the kernel, with or without
# the walker that uses tables.
function(add_bpf_object obj source tables)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(arch x86)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    set(arch arm64)
  else()
    message(FATAL_ERROR "no BPF target arch for ${CMAKE_SYSTEM_PROCESSOR}")
  endif()
  cmake_path(GET source PARENT_PATH folder)
  cmake_path(GET obj FILENAME name)
  add_custom_command(
    OUTPUT ${obj}
    COMMAND ${CLANG_BPF} -g -O2 -Wall -Wextra -Wno-unused-parameter -Werror -target bpf -D__TARGET_ARCH_${arch}
            -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -I${folder} -DPGFLAME_KERNEL_TABLES=$<BOOL:${tables}>
            -MMD -MF ${obj}.d -MT ${obj}
            -c ${source} -o ${obj}
    DEPENDS ${source}
    DEPFILE ${obj}.d
    COMMENT "BPF  ${name}"
    VERBATIM)
endfunction()

# add_bpf_skeleton(NAME file.bpf.c): compiles the file and makes a header <file>.skel.h with the object
# embedded; link NAME_skeleton to include it.
function(add_bpf_skeleton name source)
  cmake_path(GET source STEM stem)
  set(obj ${CMAKE_CURRENT_BINARY_DIR}/${stem}.bpf.o)
  set(skel ${CMAKE_CURRENT_BINARY_DIR}/${stem}.skel.h)
  add_bpf_object(${obj} ${CMAKE_CURRENT_SOURCE_DIR}/${source} ${PGFLAME_KERNEL_TABLES})
  add_custom_command(
    OUTPUT ${skel}
    # Generated code is not ours to tidy.
    COMMAND ${CMAKE_COMMAND} -E echo "// NOLINTBEGIN" > ${skel}
    COMMAND ${BPFTOOL} gen skeleton ${obj} name ${name} >> ${skel}
    COMMAND ${CMAKE_COMMAND} -E echo "// NOLINTEND" >> ${skel}
    DEPENDS ${obj}
    COMMENT "SKEL ${stem}.skel.h")
  add_custom_target(${name}_skeleton_gen DEPENDS ${skel})
  add_library(${name}_skeleton INTERFACE)
  add_dependencies(${name}_skeleton ${name}_skeleton_gen)
  target_include_directories(${name}_skeleton SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
