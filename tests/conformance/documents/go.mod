// SPDX-License-Identifier: Apache-2.0
module kukeon/conformance/documents

go 1.19
