# SPDX-License-Identifier: Apache-2.0
# Compiler flags, presets' switches, and the two functions that make a folder a library with its tests.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

option(KUKEON_WERROR "Treat warnings as errors" OFF)
set(KUKEON_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
option(KUKEON_FUZZ "Build the fuzz targets (needs clang)" OFF)

find_program(KUKEON_CCACHE ccache)
if(KUKEON_CCACHE)
  # Paths relative to the build tree: a clone at another place then finds everything in the cache.
  set(kukeon_launcher
    "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${PROJECT_SOURCE_DIR};CCACHE_NOHASHDIR=1;${KUKEON_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER ${kukeon_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${kukeon_launcher})
endif()
find_program(KUKEON_LLD ld.lld)
if(KUKEON_LLD)
  add_link_options(-fuse-ld=lld)
endif()

find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Threads REQUIRED)
pkg_check_modules(yaml_cpp REQUIRED IMPORTED_TARGET yaml-cpp)
pkg_check_modules(nl_route REQUIRED IMPORTED_TARGET libnl-route-3.0)
pkg_check_modules(nftables REQUIRED IMPORTED_TARGET libnftables)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(archive REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(grpc REQUIRED IMPORTED_TARGET grpc++ protobuf)
pkg_check_modules(spdlog REQUIRED IMPORTED_TARGET spdlog)
find_path(KUKEON_ASIO_INCLUDE asio.hpp REQUIRED)
find_path(KUKEON_CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
find_path(KUKEON_RAPIDJSON_INCLUDE rapidjson/reader.h REQUIRED)
foreach(header_only asio cli11)
  add_library(kukeon_${header_only} INTERFACE)
  add_library(PkgConfig::${header_only} ALIAS kukeon_${header_only})
endforeach()
target_compile_definitions(kukeon_asio INTERFACE ASIO_NO_DEPRECATED)
if(BUILD_TESTING)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

add_library(kukeon_flags INTERFACE)
# -Wno-restrict: GCC 12 warns wrongly about std::string's own copies (its bug 105329).
target_compile_options(kukeon_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${KUKEON_WERROR}>:-Werror>)
target_include_directories(kukeon_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(kukeon_flags INTERFACE KUKEON_VERSION="v${PROJECT_VERSION}")
target_link_libraries(kukeon_flags INTERFACE Threads::Threads)
if(KUKEON_SANITIZE)
  add_compile_options(-fsanitize=${KUKEON_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KUKEON_SANITIZE})
endif()

# kukeon_library(folder LINK folders-or-targets… PRIVATE targets…)
# src/kukeon/<folder>/*.cpp become the static library kukeon_<folder>; *_test.cpp beside them one test program.
function(kukeon_library folder)
  cmake_parse_arguments(arg "" "" "LINK;PRIVATE" ${ARGN})
  set(dir ${PROJECT_SOURCE_DIR}/src/kukeon/${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp ${dir}/*/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")

  set(links)
  foreach(name IN LISTS arg_LINK)
    if(name MATCHES "::")
      list(APPEND links ${name})
    else()
      list(APPEND links kukeon_${name})
    endif()
  endforeach()

  if(sources)
    add_library(kukeon_${folder} STATIC ${sources})
    target_link_libraries(kukeon_${folder} PUBLIC kukeon_flags ${links} PRIVATE ${arg_PRIVATE})
  else()
    add_library(kukeon_${folder} INTERFACE)
    target_link_libraries(kukeon_${folder} INTERFACE kukeon_flags ${links})
  endif()

  if(BUILD_TESTING AND tests)
    kukeon_test(kukeon_${folder}_test LABEL unit SOURCES ${tests} LINK kukeon_${folder})
  endif()
endfunction()

# kukeon_test(target LABEL label SOURCES files… LINK targets…): a GoogleTest program, one ctest entry a test.
# Tests that need root carry RESOURCE_LOCK host and skip, with the reason, where they cannot run.
function(kukeon_test target)
  cmake_parse_arguments(arg "" "LABEL" "SOURCES;LINK;PROPERTIES" ${ARGN})
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE kukeon_flags ${arg_LINK} GTest::gmock GTest::gtest_main)
  # Tests spend their time in what they test; building them fast is worth more.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS ${arg_LABEL} ${arg_PROPERTIES})
endfunction()
