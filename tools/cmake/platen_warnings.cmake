# Every target of the project is compiled through platen_target(), so that warnings,
# sanitizers and include roots are the same everywhere.

option(PLATEN_WERROR "Treat warnings as errors" ON)
option(PLATEN_UNITY "Compile sources eight at a time" ON)
set(PLATEN_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

function(platen_target name)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic $<$<BOOL:${PLATEN_WERROR}>:-Werror>)
  # GCC 12 warns of copies inside std::string's operator+ that do not happen when it optimises
  # (GCC bugs 105329 and 105651); without optimisation the warnings stay on.
  target_compile_options(${name} PRIVATE
    $<$<NOT:$<CONFIG:Debug>>:-Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread>)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
  if(PLATEN_SANITIZE)
    target_compile_options(${name} PUBLIC -fsanitize=${PLATEN_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${name} PUBLIC -fsanitize=${PLATEN_SANITIZE})
  endif()
endfunction()

# platen_unity(target [EXCEPT source...])
# Compiles a target's sources eight at a time: where headers take most of a file's compile time,
# this takes a third of it. Sources whose own names are those of another source's are left out.
function(platen_unity name)
  if(NOT PLATEN_UNITY)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "EXCEPT" ${ARGN})
  set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  set_source_files_properties(${arg_EXCEPT} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  # GCC takes the unnamed namespaces of included sources for those of headers.
  target_compile_options(${name} PRIVATE -Wno-subobject-linkage)
endfunction()
