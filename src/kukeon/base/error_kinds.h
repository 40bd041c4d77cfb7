// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "kukeon/base/error.h"

// One row per failure that some caller tells apart.
namespace kukeon::kinds {

inline constexpr ErrorKind unknown{"Unknown", "unknown error", true};

// On the wire (wire.md §8): word and sentinel text are the contract's.
inline constexpr ErrorKind realm_name_required{"RealmNameRequired", "realm name is required", true};
inline constexpr ErrorKind space_name_required{"SpaceNameRequired", "space name is required", true};
inline constexpr ErrorKind stack_name_required{"StackNameRequired", "stack name is required", true};
inline constexpr ErrorKind cell_name_required{"CellNameRequired", "cell name is required", true};
inline constexpr ErrorKind container_name_required{"ContainerNameRequired",
                                                   "container name is required", true};
inline constexpr ErrorKind conversion_failed{"ConversionFailed", "conversion failed", true};
inline constexpr ErrorKind create_realm{"CreateRealm", "failed to create realm", true};
inline constexpr ErrorKind create_space{"CreateSpace", "failed to create space", true};
inline constexpr ErrorKind create_stack{"CreateStack", "failed to create stack", true};
inline constexpr ErrorKind create_cell{"CreateCell", "failed to create cell", true};
inline constexpr ErrorKind realm_not_found{"RealmNotFound", "realm not found", true};
inline constexpr ErrorKind space_not_found{"SpaceNotFound", "space not found", true};
inline constexpr ErrorKind stack_not_found{"StackNotFound", "stack not found", true};
inline constexpr ErrorKind cell_not_found{"CellNotFound", "cell not found", true};
inline constexpr ErrorKind container_not_found{"ContainerNotFound", "container not found", true};
inline constexpr ErrorKind network_not_found{"NetworkNotFound", "network not found", true};
inline constexpr ErrorKind image_not_found{"ImageNotFound", "image not found", true};
inline constexpr ErrorKind resource_has_dependencies{"ResourceHasDependencies",
                                                     "resource has child resources", true};
inline constexpr ErrorKind container_exists{"ContainerExists", "container already exists", true};
inline constexpr ErrorKind attach_not_supported{
    "AttachNotSupported", "container is not attachable; recreate with attachable=true", true};

// Every kind that keeps its word on the wire; `unknown` is the answer for all others.
inline constexpr std::array wire{
    &realm_name_required,
    &space_name_required,
    &stack_name_required,
    &cell_name_required,
    &container_name_required,
    &conversion_failed,
    &create_realm,
    &create_space,
    &create_stack,
    &create_cell,
    &realm_not_found,
    &space_not_found,
    &stack_not_found,
    &cell_not_found,
    &container_not_found,
    &network_not_found,
    &image_not_found,
    &resource_has_dependencies,
    &container_exists,
    &attach_not_supported,
    &unknown,
};

// The kind a peer named, or nullptr for a word we do not know.
const ErrorKind* find_wire_kind(std::string_view word);

// Ours, in process only.
inline constexpr ErrorKind os_error{"OsError", "operating system error"};
inline constexpr ErrorKind permission_denied{"PermissionDenied", "permission denied"};
inline constexpr ErrorKind disk_full{"DiskFull", "no space left on device"};
inline constexpr ErrorKind invalid_argument{"InvalidArgument", "invalid argument"};
inline constexpr ErrorKind invalid_name{"InvalidName", "name is invalid"};
inline constexpr ErrorKind decode_failed{"DecodeFailed", "cannot be decoded"};
inline constexpr ErrorKind validation_failed{"ValidationFailed", "validation failed"};
inline constexpr ErrorKind already_exists{"AlreadyExists", "already exists"};
inline constexpr ErrorKind not_found{"NotFound", "not found"};
inline constexpr ErrorKind unavailable{"Unavailable", "service unavailable"};
inline constexpr ErrorKind deadline_exceeded{"DeadlineExceeded", "deadline exceeded"};
inline constexpr ErrorKind cancelled{"Cancelled", "cancelled"};
inline constexpr ErrorKind failed_precondition{"FailedPrecondition", "not possible in this state"};
inline constexpr ErrorKind stale_resource{"StaleResource", "the resource changed meanwhile"};
inline constexpr ErrorKind instance_mismatch{"InstanceMismatch", "kukeon instance mismatch"};
inline constexpr ErrorKind engine_locked{"EngineLocked", "run path is in use by another engine"};
inline constexpr ErrorKind connect_containerd{"ConnectContainerd",
                                              "failed to connect to containerd"};
inline constexpr ErrorKind invalid_image{"InvalidImage", "invalid image reference"};
inline constexpr ErrorKind pull_image{"PullImage", "failed to pull image"};
inline constexpr ErrorKind load_image{"LoadImage", "failed to load image"};
inline constexpr ErrorKind subnet_exhausted{"SubnetExhausted", "no free subnet"};
inline constexpr ErrorKind address_exhausted{"AddressExhausted", "no free address"};
inline constexpr ErrorKind dial{"Dial", "dial kukeond"};
inline constexpr ErrorKind unsupported_scheme{"UnsupportedScheme",
                                              "unsupported kukeon host scheme"};
inline constexpr ErrorKind rpc{"Rpc", "rpc error"};
inline constexpr ErrorKind usage{"Usage", "usage error"};

}  // namespace kukeon::kinds
