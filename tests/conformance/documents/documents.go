// SPDX-License-Identifier: Apache-2.0

package main

import "time"

// The documents as a Go program would declare them, written from the tables of model.md §3: the
// order of the fields is the order of the keys. Nothing here is generated from the C++ tables, so
// that a mistake in those shows.

type Metadata struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}

type Document[Spec, Status any] struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`
	Status     Status   `json:"status"`
}

type (
	RealmDoc     = Document[RealmSpec, RealmStatus]
	SpaceDoc     = Document[SpaceSpec, SpaceStatus]
	StackDoc     = Document[StackSpec, StackStatus]
	CellDoc      = Document[CellSpec, CellStatus]
	ContainerDoc = Document[ContainerSpec, ContainerStatus]
)

// Limits of realms, spaces, stacks, cells and containers.

type CPUResources struct {
	Weight *uint64 `json:"weight,omitempty"`
	Quota  *int64  `json:"quota,omitempty"`
	Period *uint64 `json:"period,omitempty"`
	Cpus   string  `json:"cpus,omitempty"`
	Mems   string  `json:"mems,omitempty"`
}

type MemoryResources struct {
	Min  *int64 `json:"min,omitempty"`
	Low  *int64 `json:"low,omitempty"`
	High *int64 `json:"high,omitempty"`
	Max  *int64 `json:"max,omitempty"`
	Swap *int64 `json:"swap,omitempty"`
}

type IOThrottle struct {
	Type  string `json:"type"`
	Major int64  `json:"major"`
	Minor int64  `json:"minor"`
	Rate  uint64 `json:"rate"`
}

type IOResources struct {
	Weight   uint16       `json:"weight,omitempty"`
	Throttle []IOThrottle `json:"throttle,omitempty"`
}

type PidsResources struct {
	Max *int64 `json:"max,omitempty"`
}

type CgroupResources struct {
	CPU    *CPUResources    `json:"cpu,omitempty"`
	Memory *MemoryResources `json:"memory,omitempty"`
	IO     *IOResources     `json:"io,omitempty"`
	Pids   *PidsResources   `json:"pids,omitempty"`
}

// model.md 3.1

type RegistryCredentials struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	ServerAddress string `json:"serverAddress,omitempty"`
}

type RealmSpec struct {
	Namespace           string                `json:"namespace"`
	RegistryCredentials []RegistryCredentials `json:"registryCredentials,omitempty"`
	Resources           *CgroupResources      `json:"resources,omitempty"`
}

type RealmStatus struct {
	State                    RealmState `json:"state"`
	CgroupPath               string     `json:"cgroupPath,omitempty"`
	SubtreeControllers       []string   `json:"subtreeControllers,omitempty"`
	CreatedAt                time.Time  `json:"createdAt,omitempty"`
	UpdatedAt                time.Time  `json:"updatedAt,omitempty"`
	ReadyAt                  time.Time  `json:"readyAt,omitempty"`
	Reason                   string     `json:"reason,omitempty"`
	Message                  string     `json:"message,omitempty"`
	CgroupReady              bool       `json:"cgroupReady,omitempty"`
	ContainerdNamespaceReady bool       `json:"containerdNamespaceReady,omitempty"`
}

// model.md 3.2

type EgressAllowRule struct {
	Host  string `json:"host,omitempty"`
	CIDR  string `json:"cidr,omitempty"`
	Ports []int  `json:"ports,omitempty"`
}

type EgressPolicy struct {
	Default string            `json:"default"`
	Allow   []EgressAllowRule `json:"allow,omitempty"`
}

type SpaceNetwork struct {
	Egress *EgressPolicy `json:"egress,omitempty"`
}

type SpaceContainerDefaults struct {
	User                   string                 `json:"user,omitempty"`
	ReadOnlyRootFilesystem *bool                  `json:"readOnlyRootFilesystem,omitempty"`
	Capabilities           *ContainerCapabilities `json:"capabilities,omitempty"`
	SecurityOpts           []string               `json:"securityOpts,omitempty"`
	Tmpfs                  []ContainerTmpfsMount  `json:"tmpfs,omitempty"`
	Resources              *ContainerResources    `json:"resources,omitempty"`
}

type SpaceDefaults struct {
	Container *SpaceContainerDefaults `json:"container,omitempty"`
}

type SpaceSpec struct {
	RealmID       string           `json:"realmId"`
	CNIConfigPath string           `json:"cniConfigPath,omitempty"`
	Network       *SpaceNetwork    `json:"network,omitempty"`
	Defaults      *SpaceDefaults   `json:"defaults,omitempty"`
	Resources     *CgroupResources `json:"resources,omitempty"`
}

type SpaceStatus struct {
	State              SpaceState `json:"state"`
	CgroupPath         string     `json:"cgroupPath,omitempty"`
	SubtreeControllers []string   `json:"subtreeControllers,omitempty"`
	CreatedAt          time.Time  `json:"createdAt,omitempty"`
	UpdatedAt          time.Time  `json:"updatedAt,omitempty"`
	ReadyAt            time.Time  `json:"readyAt,omitempty"`
	Reason             string     `json:"reason,omitempty"`
	Message            string     `json:"message,omitempty"`
	CgroupReady        bool       `json:"cgroupReady,omitempty"`
}

// model.md 3.3

type StackSpec struct {
	ID        string           `json:"id"`
	RealmID   string           `json:"realmId"`
	SpaceID   string           `json:"spaceId"`
	Resources *CgroupResources `json:"resources,omitempty"`
}

type StackStatus struct {
	State              StackState `json:"state"`
	CgroupPath         string     `json:"cgroupPath"`
	SubtreeControllers []string   `json:"subtreeControllers,omitempty"`
	CreatedAt          time.Time  `json:"createdAt,omitempty"`
	UpdatedAt          time.Time  `json:"updatedAt,omitempty"`
	ReadyAt            time.Time  `json:"readyAt,omitempty"`
	Reason             string     `json:"reason,omitempty"`
	Message            string     `json:"message,omitempty"`
	CgroupReady        bool       `json:"cgroupReady,omitempty"`
}

// model.md 3.4

type CellTty struct {
	Default string `json:"default,omitempty"`
}

type CellSpec struct {
	ID                  string           `json:"id"`
	RealmID             string           `json:"realmId"`
	SpaceID             string           `json:"spaceId"`
	StackID             string           `json:"stackId"`
	RootContainerID     string           `json:"rootContainerId,omitempty"`
	Tty                 *CellTty         `json:"tty,omitempty"`
	Containers          []ContainerSpec  `json:"containers"`
	AutoDelete          bool             `json:"autoDelete,omitempty"`
	NestedCgroupRuntime bool             `json:"nestedCgroupRuntime,omitempty"`
	Resources           *CgroupResources `json:"resources,omitempty"`
}

type CellNetworkStatus struct {
	BridgeName string `json:"bridgeName,omitempty"`
	Address    string `json:"address,omitempty"`
}

type CellStatus struct {
	State              CellState         `json:"state"`
	ExactState         string            `json:"exactState,omitempty"`
	CgroupPath         string            `json:"cgroupPath"`
	SubtreeControllers []string          `json:"subtreeControllers,omitempty"`
	Network            CellNetworkStatus `json:"network,omitempty"`
	Containers         []ContainerStatus `json:"containers"`
	ReadyObserved      bool              `json:"readyObserved,omitempty"`
	CreatedAt          time.Time         `json:"createdAt,omitempty"`
	UpdatedAt          time.Time         `json:"updatedAt,omitempty"`
	ReadyAt            time.Time         `json:"readyAt,omitempty"`
	Reason             string            `json:"reason,omitempty"`
	Message            string            `json:"message,omitempty"`
	CgroupReady        bool              `json:"cgroupReady,omitempty"`
}

// model.md 3.5 and 3.6

type ContainerCapabilities struct {
	Drop []string `json:"drop,omitempty"`
	Add  []string `json:"add,omitempty"`
}

type ContainerTmpfsMount struct {
	Path      string   `json:"path"`
	SizeBytes int64    `json:"sizeBytes,omitempty"`
	Options   []string `json:"options,omitempty"`
}

type ContainerResources struct {
	MemoryLimitBytes *int64           `json:"memoryLimitBytes,omitempty"`
	CPUShares        *int64           `json:"cpuShares,omitempty"`
	PidsLimit        *int64           `json:"pidsLimit,omitempty"`
	CPU              *CPUResources    `json:"cpu,omitempty"`
	Memory           *MemoryResources `json:"memory,omitempty"`
	IO               *IOResources     `json:"io,omitempty"`
	Pids             *PidsResources   `json:"pids,omitempty"`
}

type ContainerSecret struct {
	Name      string `json:"name"`
	FromFile  string `json:"fromFile,omitempty"`
	FromEnv   string `json:"fromEnv,omitempty"`
	MountPath string `json:"mountPath,omitempty"`
}

type VolumeMount struct {
	Kind      string `json:"kind,omitempty"`
	Source    string `json:"source,omitempty"`
	Target    string `json:"target"`
	ReadOnly  bool   `json:"readOnly,omitempty"`
	SizeBytes int64  `json:"sizeBytes,omitempty"`
	Mode      uint32 `json:"mode,omitempty"`
}

type TtyStage struct {
	Script string `json:"script,omitempty"`
}

type ContainerTty struct {
	Prompt  string     `json:"prompt,omitempty"`
	OnInit  []TtyStage `json:"onInit,omitempty"`
	LogFile string     `json:"logFile,omitempty"`
}

type ContainerSpec struct {
	ID                     string                 `json:"id"`
	ContainerdID           string                 `json:"containerdId,omitempty"`
	RealmID                string                 `json:"realmId"`
	SpaceID                string                 `json:"spaceId"`
	StackID                string                 `json:"stackId"`
	CellID                 string                 `json:"cellId"`
	Root                   bool                   `json:"root,omitempty"`
	Image                  string                 `json:"image"`
	Command                string                 `json:"command"`
	Args                   []string               `json:"args"`
	WorkingDir             string                 `json:"workingDir,omitempty"`
	Env                    []string               `json:"env"`
	Ports                  []string               `json:"ports"`
	Volumes                []VolumeMount          `json:"volumes"`
	Networks               []string               `json:"networks"`
	NetworksAliases        []string               `json:"networksAliases"`
	Privileged             bool                   `json:"privileged"`
	HostNetwork            bool                   `json:"hostNetwork,omitempty"`
	HostPID                bool                   `json:"hostPID,omitempty"`
	HostCgroup             bool                   `json:"hostCgroup,omitempty"`
	User                   string                 `json:"user,omitempty"`
	ReadOnlyRootFilesystem bool                   `json:"readOnlyRootFilesystem,omitempty"`
	Capabilities           *ContainerCapabilities `json:"capabilities,omitempty"`
	SecurityOpts           []string               `json:"securityOpts,omitempty"`
	Devices                []string               `json:"devices,omitempty"`
	Tmpfs                  []ContainerTmpfsMount  `json:"tmpfs,omitempty"`
	Resources              *ContainerResources    `json:"resources,omitempty"`
	Secrets                []ContainerSecret      `json:"secrets,omitempty"`
	CNIConfigPath          string                 `json:"cniConfigPath,omitempty"`
	RestartPolicy          string                 `json:"restartPolicy"`
	RestartBackoffSeconds  *int64                 `json:"restartBackoffSeconds,omitempty"`
	RestartMaxRetries      *int64                 `json:"restartMaxRetries,omitempty"`
	Attachable             bool                   `json:"attachable,omitempty"`
	Tty                    *ContainerTty          `json:"tty,omitempty"`
}

type ContainerStatus struct {
	Name            string         `json:"name"`
	ID              string         `json:"id"`
	State           ContainerState `json:"state"`
	ExactState      string         `json:"exactState,omitempty"`
	RestartCount    int            `json:"restartCount"`
	RestartAttempts int            `json:"restartAttempts,omitempty"`
	RestartTime     time.Time      `json:"restartTime"`
	StartTime       time.Time      `json:"startTime"`
	FinishTime      time.Time      `json:"finishTime"`
	ExitCode        int            `json:"exitCode"`
	ExitSignal      string         `json:"exitSignal"`
}
