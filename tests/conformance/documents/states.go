// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
)

// The states of model.md §2: written as labels, read as labels or as plain integers in range.

type (
	RealmState     int
	SpaceState     int
	StackState     int
	CellState      int
	ContainerState int
)

var (
	realmStates     = []string{"Pending", "Creating", "Ready", "Deleting", "Failed", "Unknown"}
	spaceStates     = []string{"Pending", "Ready", "Failed", "Unknown"}
	stackStates     = []string{"Pending", "Ready", "Failed", "Unknown"}
	cellStates      = []string{"Pending", "Ready", "Stopped", "Failed", "Unknown"}
	containerStates = []string{"Pending", "Ready", "Stopped", "Paused", "Pausing", "Failed", "Unknown"}
)

func encodeState(state int, labels []string) ([]byte, error) {
	if state < 0 || state >= len(labels) {
		return json.Marshal("Unknown")
	}
	return json.Marshal(labels[state])
}

func decodeState(raw []byte, kind string, labels []string) (int, error) {
	var number *int
	if err := json.Unmarshal(raw, &number); err == nil && number != nil {
		if *number < 0 || *number >= len(labels) {
			return 0, fmt.Errorf("%s state: int %d out of range", kind, *number)
		}
		return *number, nil
	}
	var label *string
	if err := json.Unmarshal(raw, &label); err == nil && label != nil {
		for i, each := range labels {
			if each == *label {
				return i, nil
			}
		}
		return 0, fmt.Errorf("%s state: unknown label %q", kind, *label)
	}
	return 0, fmt.Errorf("%s state: expected string or int, got %s", kind, raw)
}

func (s RealmState) MarshalJSON() ([]byte, error)     { return encodeState(int(s), realmStates) }
func (s SpaceState) MarshalJSON() ([]byte, error)     { return encodeState(int(s), spaceStates) }
func (s StackState) MarshalJSON() ([]byte, error)     { return encodeState(int(s), stackStates) }
func (s CellState) MarshalJSON() ([]byte, error)      { return encodeState(int(s), cellStates) }
func (s ContainerState) MarshalJSON() ([]byte, error) { return encodeState(int(s), containerStates) }

func (s *RealmState) UnmarshalJSON(raw []byte) error {
	state, err := decodeState(raw, "realm", realmStates)
	if err == nil {
		*s = RealmState(state)
	}
	return err
}

func (s *SpaceState) UnmarshalJSON(raw []byte) error {
	state, err := decodeState(raw, "space", spaceStates)
	if err == nil {
		*s = SpaceState(state)
	}
	return err
}

func (s *StackState) UnmarshalJSON(raw []byte) error {
	state, err := decodeState(raw, "stack", stackStates)
	if err == nil {
		*s = StackState(state)
	}
	return err
}

func (s *CellState) UnmarshalJSON(raw []byte) error {
	state, err := decodeState(raw, "cell", cellStates)
	if err == nil {
		*s = CellState(state)
	}
	return err
}

func (s *ContainerState) UnmarshalJSON(raw []byte) error {
	state, err := decodeState(raw, "container", containerStates)
	if err == nil {
		*s = ContainerState(state)
	}
	return err
}
