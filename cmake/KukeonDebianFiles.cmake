# SPDX-License-Identifier: Apache-2.0
# Files of Debian packages that are wanted without the package and its dependencies: fetched with apt-get, unpacked in
# the build tree, and kept in KUKEON_PACKAGE_CACHE for the next build directory.

if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(kukeon_package_cache "$ENV{XDG_CACHE_HOME}/kukeon")
elseif(DEFINED ENV{HOME} AND NOT "$ENV{HOME}" STREQUAL "")
  set(kukeon_package_cache "$ENV{HOME}/.cache/kukeon")
else()
  set(kukeon_package_cache "${PROJECT_BINARY_DIR}/package-cache")
endif()
set(KUKEON_PACKAGE_CACHE "${kukeon_package_cache}" CACHE PATH
  "Where files of fetched packages are kept for the next build directory")

# kukeon_fetch_package(package folder problem FILES from… [STRIP prefix])
# Copies files of the package, paths as in its archive, to `folder`, without the prefix. `problem` becomes why that was
# not possible, else empty.
function(kukeon_fetch_package package folder problem)
  cmake_parse_arguments(arg "" "STRIP" "FILES" ${ARGN})
  find_program(KUKEON_APT_GET apt-get)
  find_program(KUKEON_DPKG_DEB dpkg-deb)
  if(NOT KUKEON_APT_GET OR NOT KUKEON_DPKG_DEB)
    set(${problem} "this is no Debian to fetch ${package} from" PARENT_SCOPE)
    return()
  endif()

  message(STATUS "Fetching files of ${package}")
  set(work "${PROJECT_BINARY_DIR}/packages/${package}")
  file(REMOVE_RECURSE "${work}")
  file(MAKE_DIRECTORY "${work}")
  # As root apt-get fetches as user _apt, who cannot write into a build tree of ours.
  execute_process(
    COMMAND "${KUKEON_APT_GET}" -q -o APT::Sandbox::User=root download ${package}
    WORKING_DIRECTORY "${work}" RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  file(GLOB debs "${work}/${package}_*.deb")
  if(NOT code EQUAL 0 OR NOT debs)
    set(${problem} "apt-get could not download ${package} (run apt-get update first?):\n${output}" PARENT_SCOPE)
    return()
  endif()
  list(GET debs 0 deb)
  execute_process(COMMAND "${KUKEON_DPKG_DEB}" -x "${deb}" "${work}/root"
    RESULT_VARIABLE code ERROR_VARIABLE output)
  foreach(file IN LISTS arg_FILES)
    if(NOT code EQUAL 0 OR NOT EXISTS "${work}/root/${file}")
      set(${problem} "${deb} does not hold /${file}. ${output}" PARENT_SCOPE)
      return()
    endif()
  endforeach()

  # Two configures may meet here: each renames a file of its own into place.
  string(RANDOM LENGTH 8 mark)
  foreach(file IN LISTS arg_FILES)
    string(LENGTH "${arg_STRIP}" length)
    string(SUBSTRING "${file}" ${length} -1 target)
    set(target "${folder}/${target}")
    get_filename_component(parent "${target}" DIRECTORY)
    file(MAKE_DIRECTORY "${parent}")
    configure_file("${work}/root/${file}" "${target}.${mark}" COPYONLY)
    file(RENAME "${target}.${mark}" "${target}")
  endforeach()
  file(REMOVE_RECURSE "${work}")
  set(${problem} "" PARENT_SCOPE)
endfunction()
