# SPDX-License-Identifier: Apache-2.0
# kukeon_containerd_protos: containerd's gRPC API as a static library.
#
# The .proto files are Debian's: the API (golang-github-containerd-containerd-dev), and the metrics that its shims
# report (golang-github-containerd-cgroups-dev). Only these archives are fetched and unpacked, never installed: their
# 118 Go dependencies are of no use here. They are looked for in
#   KUKEON_CONTAINERD_PROTOS   a folder that holds github.com/containerd/{containerd,cgroups}/…,
#   /usr/share/gocode/src      where the package is installed,
#   KUKEON_PROTO_CACHE         kept from an earlier configure,
# and fetched with apt-get otherwise.

set(KUKEON_CONTAINERD_PROTOS "" CACHE PATH
  "Folder with github.com/containerd/{containerd,cgroups}/**.proto; empty: Debian's, fetched with apt-get")
set(KUKEON_PROTO_CACHE "${KUKEON_PACKAGE_CACHE}/protos" CACHE PATH
  "Where fetched .proto files are kept for the next build directory")

set(kukeon_proto_packages golang-github-containerd-containerd-dev golang-github-containerd-cgroups-dev)
set(kukeon_proto_services
  api/services/containers/v1/containers
  api/services/content/v1/content
  api/services/diff/v1/diff
  api/services/events/v1/events
  api/services/images/v1/images
  api/services/leases/v1/leases
  api/services/namespaces/v1/namespace
  api/services/snapshots/v1/snapshots
  api/services/tasks/v1/tasks
  api/services/version/v1/version)
set(kukeon_proto_messages
  api/events/task
  api/types/descriptor
  api/types/metrics
  api/types/mount
  api/types/task/task
  runtime/v2/runc/options/oci)
list(TRANSFORM kukeon_proto_services PREPEND github.com/containerd/containerd/)
list(TRANSFORM kukeon_proto_messages PREPEND github.com/containerd/containerd/)
list(APPEND kukeon_proto_messages
  github.com/containerd/cgroups/stats/v1/metrics
  github.com/containerd/cgroups/v2/stats/metrics)

# Sets `result` to whether `folder` has every file we compile.
function(kukeon_has_protos folder result)
  set(${result} TRUE PARENT_SCOPE)
  foreach(name IN LISTS kukeon_proto_services kukeon_proto_messages)
    if(NOT EXISTS "${folder}/${name}.proto")
      set(${result} FALSE PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

# Keeps the files we compile in `folder`.
function(kukeon_fetch_protos folder)
  foreach(package IN LISTS kukeon_proto_packages)
    string(REGEX REPLACE "golang-github-containerd-(.*)-dev" "github.com/containerd/\\1/" own "${package}")
    set(files ${kukeon_proto_services} ${kukeon_proto_messages})
    list(FILTER files INCLUDE REGEX "^${own}")
    list(TRANSFORM files PREPEND usr/share/gocode/src/)
    list(TRANSFORM files APPEND .proto)
    kukeon_fetch_package(${package} "${folder}" problem FILES ${files} STRIP usr/share/gocode/src/)
    if(problem)
      message(FATAL_ERROR "containerd's .proto files are missing: ${problem}\n"
        "Install ${package}, or set KUKEON_CONTAINERD_PROTOS to a folder that holds ${own}….")
    endif()
  endforeach()
endfunction()

# protoc's C++ generator aborts on `import weak`, and the gogo options only steer the Go generator:
# both go. Field numbers stay, so the wire is the same.
function(kukeon_strip_gogo from to)
  file(READ "${from}" text)
  string(REGEX REPLACE "\n[ \t]*import (weak )?\"[^\"]*(gogoproto/gogo|fieldpath)\\.proto\";" "" text "${text}")
  string(REGEX REPLACE "[ \t\n]*\\[[^]]*\\(gogoproto[^]]*\\]" "" text "${text}")
  string(REGEX REPLACE "\n[ \t]*option \\((gogoproto|containerd\\.plugin)[^;]*;" "" text "${text}")
  if(text MATCHES "gogoproto|import weak")
    message(FATAL_ERROR "${from} uses gogoproto in a way that is not known here: \"${CMAKE_MATCH_0}\"")
  endif()
  set(before "")
  if(EXISTS "${to}")
    file(READ "${to}" before)
  endif()
  if(NOT text STREQUAL before)  # a fresh time stamp would compile everything again
    file(WRITE "${to}" "${text}")
  endif()
endfunction()

if(KUKEON_CONTAINERD_PROTOS)
  set(kukeon_proto_source "${KUKEON_CONTAINERD_PROTOS}")
  kukeon_has_protos("${kukeon_proto_source}" kukeon_protos_found)
  if(NOT kukeon_protos_found)
    message(FATAL_ERROR "KUKEON_CONTAINERD_PROTOS=${kukeon_proto_source} lacks some of "
      "{${kukeon_proto_services};${kukeon_proto_messages}}.proto")
  endif()
else()
  set(kukeon_proto_source /usr/share/gocode/src)
  kukeon_has_protos("${kukeon_proto_source}" kukeon_protos_found)
  if(NOT kukeon_protos_found)
    set(kukeon_proto_source "${KUKEON_PROTO_CACHE}")
    kukeon_has_protos("${kukeon_proto_source}" kukeon_protos_found)
  endif()
  if(NOT kukeon_protos_found)
    kukeon_fetch_protos("${kukeon_proto_source}")
  endif()
endif()
message(STATUS "containerd's .proto files: ${kukeon_proto_source}")

find_program(KUKEON_PROTOC protoc REQUIRED)
find_program(KUKEON_GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
set(kukeon_proto_in "${PROJECT_BINARY_DIR}/containerd-protos/proto")
set(kukeon_proto_out "${PROJECT_BINARY_DIR}/containerd-protos/cpp")
file(MAKE_DIRECTORY "${kukeon_proto_out}")
set(kukeon_proto_inputs)
set(kukeon_proto_names)
set(kukeon_proto_service_names)
set(kukeon_proto_messages_cc)
set(kukeon_proto_services_cc)
set(kukeon_proto_headers)
foreach(name IN LISTS kukeon_proto_services kukeon_proto_messages)
  kukeon_strip_gogo("${kukeon_proto_source}/${name}.proto" "${kukeon_proto_in}/${name}.proto")
  list(APPEND kukeon_proto_inputs "${kukeon_proto_in}/${name}.proto")
  list(APPEND kukeon_proto_names "${name}.proto")
  list(APPEND kukeon_proto_messages_cc "${kukeon_proto_out}/${name}.pb.cc")
  list(APPEND kukeon_proto_headers "${kukeon_proto_out}/${name}.pb.h")
endforeach()
foreach(name IN LISTS kukeon_proto_services)
  list(APPEND kukeon_proto_service_names "${name}.proto")
  list(APPEND kukeon_proto_services_cc "${kukeon_proto_out}/${name}.grpc.pb.cc")
  list(APPEND kukeon_proto_headers "${kukeon_proto_out}/${name}.grpc.pb.h")
endforeach()
add_custom_command(
  OUTPUT ${kukeon_proto_messages_cc} ${kukeon_proto_services_cc} ${kukeon_proto_headers}
  COMMAND "${KUKEON_PROTOC}" -I "${kukeon_proto_in}" --cpp_out "${kukeon_proto_out}" ${kukeon_proto_names}
  COMMAND "${KUKEON_PROTOC}" -I "${kukeon_proto_in}" --grpc_out "${kukeon_proto_out}"
    "--plugin=protoc-gen-grpc=${KUKEON_GRPC_CPP_PLUGIN}" ${kukeon_proto_service_names}
  DEPENDS ${kukeon_proto_inputs}
  COMMENT "Generating containerd's gRPC API" VERBATIM)

add_library(kukeon_containerd_protos STATIC ${kukeon_proto_messages_cc} ${kukeon_proto_services_cc})
target_include_directories(kukeon_containerd_protos SYSTEM PUBLIC "${kukeon_proto_out}")
target_link_libraries(kukeon_containerd_protos PUBLIC PkgConfig::grpc)
target_compile_options(kukeon_containerd_protos PRIVATE -w -O1 -g0)
# gRPC's headers cost more than the code behind them: one unit for all services builds four times faster.
# Message code repeats its file-local names and stays apart.
set_target_properties(kukeon_containerd_protos PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
set_source_files_properties(${kukeon_proto_messages_cc} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
