// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// The golden texts of model.md §1.
namespace kukeon::v1beta1::golden {

inline constexpr std::string_view empty_realm =
    R"({"apiVersion":"","kind":"","metadata":{"name":"","labels":null},"spec":{"namespace":")"
    R"("},"status":{"state":"Pending","createdAt":"0001-01-01T00:00:00Z","updatedAt":"0001-0)"
    R"(1-01T00:00:00Z","readyAt":"0001-01-01T00:00:00Z"}})";

inline constexpr std::string_view empty_space =
    R"({"apiVersion":"","kind":"","metadata":{"name":"","labels":null},"spec":{"realmId":""})"
    R"(,"status":{"state":"Pending","createdAt":"0001-01-01T00:00:00Z","updatedAt":"0001-01-)"
    R"(01T00:00:00Z","readyAt":"0001-01-01T00:00:00Z"}})";

inline constexpr std::string_view empty_stack =
    R"({"apiVersion":"","kind":"","metadata":{"name":"","labels":null},"spec":{"id":"","real)"
    R"(mId":"","spaceId":""},"status":{"state":"Pending","cgroupPath":"","createdAt":"0001-0)"
    R"(1-01T00:00:00Z","updatedAt":"0001-01-01T00:00:00Z","readyAt":"0001-01-01T00:00:00Z"}})";

inline constexpr std::string_view empty_cell =
    R"({"apiVersion":"","kind":"","metadata":{"name":"","labels":null},"spec":{"id":"","real)"
    R"(mId":"","spaceId":"","stackId":"","containers":null},"status":{"state":"Pending","cgr)"
    R"(oupPath":"","network":{},"containers":null,"createdAt":"0001-01-01T00:00:00Z","update)"
    R"(dAt":"0001-01-01T00:00:00Z","readyAt":"0001-01-01T00:00:00Z"}})";

inline constexpr std::string_view empty_container =
    R"({"apiVersion":"","kind":"","metadata":{"name":"","labels":null},"spec":{"id":"","real)"
    R"(mId":"","spaceId":"","stackId":"","cellId":"","image":"","command":"","args":null,"en)"
    R"(v":null,"ports":null,"volumes":null,"networks":null,"networksAliases":null,"privilege)"
    R"(d":false,"restartPolicy":""},"status":{"name":"","id":"","state":"Pending","restartCo)"
    R"(unt":0,"restartTime":"0001-01-01T00:00:00Z","startTime":"0001-01-01T00:00:00Z","finis)"
    R"(hTime":"0001-01-01T00:00:00Z","exitCode":0,"exitSignal":""}})";

inline constexpr std::string_view cell_json =
    R"({"apiVersion":"v1beta1","kind":"Cell","metadata":{"name":"web","labels":{"a":"1","b":)"
    R"("2"}},"spec":{"id":"web","realmId":"default","spaceId":"default","stackId":"default",)"
    R"("containers":[{"id":"app","realmId":"default","spaceId":"default","stackId":"default")"
    R"(,"cellId":"web","image":"docker.io/library/busybox:latest","command":"sleep","args":[)"
    R"("3600"],"env":null,"ports":null,"volumes":null,"networks":null,"networksAliases":null)"
    R"(,"privileged":false,"restartPolicy":"","attachable":true,"tty":{"prompt":"\u003e ","o)"
    R"(nInit":[{"script":"echo hi"}]}}]},"status":{"state":"Ready","cgroupPath":"/kukeon/def)"
    R"(ault/default/default/web","subtreeControllers":["cpu","io","memory","pids"],"network")"
    R"(:{"bridgeName":"k-0a1b2c3d"},"containers":[{"name":"app","id":"app","state":"Ready",")"
    R"(restartCount":0,"restartTime":"0001-01-01T00:00:00Z","startTime":"0001-01-01T00:00:00)"
    R"(Z","finishTime":"0001-01-01T00:00:00Z","exitCode":0,"exitSignal":""}],"readyObserved")"
    R"(:true,"createdAt":"2026-05-14T21:10:38.123456789Z","updatedAt":"0001-01-01T00:00:00Z")"
    R"(,"readyAt":"0001-01-01T00:00:00Z"}})";

inline constexpr std::string_view cell_yaml = R"(apiVersion: v1beta1
kind: Cell
metadata:
    name: web
    labels:
        a: "1"
        b: "2"
spec:
    id: web
    realmId: default
    spaceId: default
    stackId: default
    containers:
        - id: app
          realmId: default
          spaceId: default
          stackId: default
          cellId: web
          image: docker.io/library/busybox:latest
          command: sleep
          args:
            - "3600"
          env: []
          ports: []
          volumes: []
          networks: []
          networksAliases: []
          privileged: false
          restartPolicy: ""
          attachable: true
          tty:
            prompt: '> '
            onInit:
                - script: echo hi
status:
    state: Ready
    cgroupPath: /kukeon/default/default/default/web
    subtreeControllers:
        - cpu
        - io
        - memory
        - pids
    network:
        bridgeName: k-0a1b2c3d
    containers:
        - name: app
          id: app
          state: Ready
          restartCount: 0
          restartTime: 0001-01-01T00:00:00Z
          startTime: 0001-01-01T00:00:00Z
          finishTime: 0001-01-01T00:00:00Z
          exitCode: 0
          exitSignal: ""
    readyObserved: true
    createdAt: 2026-05-14T21:10:38.123456789Z
)";

}  // namespace kukeon::v1beta1::golden
