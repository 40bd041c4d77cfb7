# SPDX-License-Identifier: Apache-2.0
# The default seccomp profile becomes part of kukeon_oci, so that a host needs no file for it. It is Debian's
# (golang-github-containers-common), looked for in
#   KUKEON_SECCOMP_PROFILE               a file of your own,
#   /usr/share/containers/seccomp.json   where the package is installed,
#   KUKEON_PACKAGE_CACHE                 kept from an earlier configure,
# and fetched with apt-get otherwise: the package itself depends on a container network stack.

set(KUKEON_SECCOMP_PROFILE "" CACHE FILEPATH
  "Default seccomp profile, in Docker's format; empty: Debian's, fetched with apt-get")

set(kukeon_seccomp_package golang-github-containers-common)
set(kukeon_seccomp_profile "${KUKEON_SECCOMP_PROFILE}")
if(kukeon_seccomp_profile)
  if(NOT EXISTS "${kukeon_seccomp_profile}")
    message(FATAL_ERROR "KUKEON_SECCOMP_PROFILE=${kukeon_seccomp_profile} does not exist")
  endif()
else()
  set(kukeon_seccomp_profile /usr/share/containers/seccomp.json)
  if(NOT EXISTS "${kukeon_seccomp_profile}")
    set(kukeon_seccomp_profile "${KUKEON_PACKAGE_CACHE}/seccomp.json")
  endif()
  if(NOT EXISTS "${kukeon_seccomp_profile}")
    kukeon_fetch_package(${kukeon_seccomp_package} "${KUKEON_PACKAGE_CACHE}" problem
      FILES usr/share/containers/seccomp.json STRIP usr/share/containers/)
    if(problem)
      message(FATAL_ERROR "The default seccomp profile is missing: ${problem}\n"
        "Set KUKEON_SECCOMP_PROFILE to a profile in Docker's format.")
    endif()
  endif()
endif()
message(STATUS "Default seccomp profile: ${kukeon_seccomp_profile}")

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${kukeon_seccomp_profile}")
file(READ "${kukeon_seccomp_profile}" KUKEON_SECCOMP_PROFILE_TEXT)
string(FIND "${KUKEON_SECCOMP_PROFILE_TEXT}" ")profile\"" raw_string_end)
if(NOT raw_string_end EQUAL -1 OR NOT KUKEON_SECCOMP_PROFILE_TEXT MATCHES "\"defaultAction\"")
  message(FATAL_ERROR "${kukeon_seccomp_profile} is no seccomp profile")
endif()
set(kukeon_seccomp_source "${PROJECT_BINARY_DIR}/generated/default_seccomp_profile.cpp")
configure_file("${CMAKE_CURRENT_LIST_DIR}/default_seccomp_profile.cpp.in" "${kukeon_seccomp_source}" @ONLY)
