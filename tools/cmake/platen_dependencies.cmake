# Debian 12's packages, found once. Headers of libraries are system headers, so that our
# warnings speak only of our code.

find_package(Threads REQUIRED)
find_package(FlatBuffers CONFIG REQUIRED)
find_package(RocksDB CONFIG REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(nlohmann_json 3.11 CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(tl-expected CONFIG REQUIRED)
find_package(LibArchive REQUIRED)
find_package(Catch2 2 CONFIG REQUIRED)
find_program(FLATC_PROGRAM flatc REQUIRED)

find_package(PkgConfig REQUIRED)
# The pkg-config flags define the same feature macros as the compiled library; without them the
# class layouts of header and library differ.
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(TOMLPP REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)

# Of the tests only.
find_path(VALIJSON_INCLUDE_DIR valijson/validator.hpp REQUIRED)

# CAF 0.17 ships neither a CMake package nor a pkg-config file on Debian.
find_path(CAF_INCLUDE_DIR caf/all.hpp REQUIRED)
find_library(CAF_CORE_LIBRARY caf_core REQUIRED)
add_library(platen_caf INTERFACE)
target_include_directories(platen_caf SYSTEM INTERFACE ${CAF_INCLUDE_DIR})
target_link_libraries(platen_caf INTERFACE ${CAF_CORE_LIBRARY} Threads::Threads)

# Generates the C++ of one FlatBuffers schema: value semantics for nested tables come from the
# schema's native_inline attributes, so the native types can be used as plain structs.
function(platen_flatbuffers target schema)
  get_filename_component(stem ${schema} NAME_WE)
  get_filename_component(schema_dir ${CMAKE_CURRENT_SOURCE_DIR}/${schema} DIRECTORY)
  file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${schema_dir})
  set(out_dir ${CMAKE_BINARY_DIR}/generated/${folder})
  set(out ${out_dir}/${stem}_generated.h)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${FLATC_PROGRAM} --cpp --gen-object-api --gen-compare --scoped-enums --cpp-std c++17
            -o ${out_dir} ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    COMMENT "flatc ${folder}/${stem}.fbs")
  add_custom_target(${target}_${stem}_schema DEPENDS ${out})
  add_dependencies(${target} ${target}_${stem}_schema)
  target_include_directories(${target} SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/generated)
endfunction()

# The target's sources can include `header`, where a text file is `namespace::name`, a char array.
function(platen_embed_text target text header namespace name)
  set(out ${CMAKE_BINARY_DIR}/generated/${header})
  set(script ${CMAKE_SOURCE_DIR}/tools/cmake/embed_text.cmake)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DTEXT=${CMAKE_CURRENT_SOURCE_DIR}/${text} -DHEADER=${out}
            -DNAMESPACE=${namespace} -DNAME=${name} -P ${script}
    DEPENDS ${text} ${script}
    COMMENT "Embedding ${text}")
  target_sources(${target} PRIVATE ${out})
  target_include_directories(${target} SYSTEM PRIVATE ${CMAKE_BINARY_DIR}/generated)
endfunction()
