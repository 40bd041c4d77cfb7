// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// The test vector of model.md §1: one cell, in both syntaxes.
namespace kukeon::reflect::testing {

inline constexpr std::string_view cell_json =
    R"({"apiVersion":"v1beta1","kind":"Cell","metadata":{"name":"web","labels":{"a":"1","b")"
    R"(:"2"}},"spec":{"id":"web","realmId":"default","spaceId":"default","stackId":"default)"
    R"(","containers":[{"id":"app","realmId":"default","spaceId":"default","stackId":"defau)"
    R"(lt","cellId":"web","image":"docker.io/library/busybox:latest","command":"sleep","arg)"
    R"(s":["3600"],"env":null,"ports":null,"volumes":null,"networks":null,"networksAliases")"
    R"(:null,"privileged":false,"restartPolicy":"","attachable":true,"tty":{"prompt":"\u003)"
    R"(e ","onInit":[{"script":"echo hi"}]}}]},"status":{"state":"Ready","cgroupPath":"/kuk)"
    R"(eon/default/default/default/web","subtreeControllers":["cpu","io","memory","pids"],")"
    R"(network":{"bridgeName":"k-0a1b2c3d"},"containers":[{"name":"app","id":"app","state":)"
    R"("Ready","restartCount":0,"restartTime":"0001-01-01T00:00:00Z","startTime":"0001-01-0)"
    R"(1T00:00:00Z","finishTime":"0001-01-01T00:00:00Z","exitCode":0,"exitSignal":""}],"rea)"
    R"(dyObserved":true,"createdAt":"2026-05-14T21:10:38.123456789Z","updatedAt":"0001-01-0)"
    R"(1T00:00:00Z","readyAt":"0001-01-01T00:00:00Z"}})";

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

}  // namespace kukeon::reflect::testing
