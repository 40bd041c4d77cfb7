// SPDX-License-Identifier: Apache-2.0
#include "kukeon/api/frames.h"

#include <gtest/gtest.h>

#include "kukeon/api/error.h"
#include "kukeon/base/error_kinds.h"

namespace kukeon::api {
namespace {

template <class Body>
std::string failure_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(RequestFrame, KeepsAnIdOfAnyType) {
  EXPECT_EQ(decode_request(R"({"method":"a.b","id":7})").id.text, "7");
  EXPECT_EQ(decode_request(R"({"method":"a.b","id":"x"})").id.text, R"("x")");
  EXPECT_EQ(decode_request(R"({"method":"a.b","id":{"a": [1, 2.50]}})").id.text,
            R"({"a":[1,2.50]})");
  EXPECT_EQ(decode_request(R"({"method":"a.b","id":18446744073709551615})").id.text,
            "18446744073709551615");
  EXPECT_EQ(decode_request(R"({"method":"a.b","id":null})").id.text, "");
}

TEST(RequestFrame, TakesMemberNamesInAnyCaseAndIgnoresOthers) {
  const RequestFrame request =
      decode_request(R"({"jsonrpc":"2.0","METHOD":"a.b","Params":[{}],"Id":3})");
  EXPECT_EQ(request.method, "a.b");
  EXPECT_EQ(request.params.items.size(), 1U);
  EXPECT_EQ(request.id.text, "3");
}

TEST(RequestFrame, NullIsAnEmptyRequest) {
  const RequestFrame request = decode_request("null");
  EXPECT_EQ(request.method, "");
  EXPECT_EQ(request.id.text, "");
}

TEST(RequestFrame, RefusesWhatCostsThePeerItsConnection) {
  for (const char* text :
       {"[1,2]", "5", "\"x\"", R"({"method":5})", R"({"method":)", R"({"method" "a"})"}) {
    EXPECT_THROW(decode_request(text), Error) << text;
  }
}

TEST(RequestFrame, NestingHasALimit) {
  const std::string deep(10001, '[');
  EXPECT_THROW(
      decode_request(R"({"method":"a.b","params":)" + deep + std::string(10001, ']') + "}"), Error);
}

TEST(OnlyParam, SaysWhatIsWrongWithParams) {
  const auto failure = [](const char* text) {
    return failure_of([&] { only_param(decode_request(text)); });
  };
  EXPECT_EQ(failure(R"({"method":"a.b"})"), "jsonrpc: request body missing params");
  EXPECT_EQ(failure(R"({"method":"a.b","params":null})"), "jsonrpc: request body missing params");
  EXPECT_EQ(failure(R"({"method":"a.b","params":{}})"),
            "json: cannot unmarshal object into Go value of type [1]interface {}");
}

TEST(OnlyParam, IsTheFirstElementOrNull) {
  const auto kind = [](const char* text) { return only_param(decode_request(text)).kind; };
  EXPECT_EQ(kind(R"({"params":[]})"), reflect::Tree::Kind::null);
  EXPECT_EQ(kind(R"({"params":[null]})"), reflect::Tree::Kind::null);
  EXPECT_EQ(kind(R"({"params":[{},5]})"), reflect::Tree::Kind::map);
}

TEST(ResponseFrame, IsWrittenWithAllThreeMembers) {
  EXPECT_EQ(encode_result({"1"}, "{}"), "{\"id\":1,\"result\":{},\"error\":null}\n");
  EXPECT_EQ(encode_result({}, "{}"), "{\"id\":null,\"result\":{},\"error\":null}\n");
  EXPECT_EQ(encode_error({"\"a\""}, "rpc: <x>"),
            "{\"id\":\"a\",\"result\":null,\"error\":\"rpc: \\u003cx\\u003e\"}\n");
}

TEST(ResponseFrame, CarriesAnErrorString) {
  EXPECT_EQ(decode_response(R"({"id":1,"result":{},"error":"no"})").error, "no");
  EXPECT_EQ(decode_response(R"({"id":1,"result":null,"error":""})").error, "unspecified error");
}

TEST(ResponseFrame, RefusesWhatMakesAConnectionUseless) {
  const auto failure = [](const char* text) { return failure_of([&] { decode_response(text); }); };
  EXPECT_EQ(failure(R"({"id":1,"result":null,"error":null})"), "invalid error <nil>");
  EXPECT_EQ(failure(R"({"id":1,"error":{"a":1}})"), R"(invalid error {"a":1})");
  EXPECT_EQ(failure(R"({"id":1,"result":{},"error":5})"), "invalid error 5");
  EXPECT_EQ(failure(R"({"id":"1","result":{}})"), R"(response id "1" is not a number of ours)");
  EXPECT_EQ(failure(R"({"id":-1,"result":{}})"), "response id -1 is not a number of ours");
  EXPECT_EQ(failure("[]"), "a frame must be an object, not array");
}

TEST(WireError, TravelsWithKindMessageAndContext) {
  Error error{kinds::space_not_found, "space not found: s"};
  error.add_context("inner");
  error.add_context("outer");

  const WireError wire = to_wire(error);
  EXPECT_EQ(wire.kind, "SpaceNotFound");
  EXPECT_EQ(wire.message, "outer: inner: space not found: s");

  const Error back = from_wire(wire);
  EXPECT_TRUE(back.is(kinds::space_not_found));
  EXPECT_STREQ(back.what(), "outer: inner: space not found: s");
  EXPECT_EQ(back.message(), "space not found: s");
  EXPECT_EQ(back.context(), error.context());
}

TEST(WireError, KindsOfOurOwnAreUnknownToOthers) {
  EXPECT_EQ(to_wire(Error{kinds::disk_full, "no space"}).kind, "Unknown");
  EXPECT_TRUE(from_wire({"Party", "hm", {}}).is(kinds::unknown));
}

TEST(WireError, MessageStaysVerbatimWhateverTheContextClaims) {
  EXPECT_STREQ(from_wire({"Unknown", "just this", {"other"}}).what(), "just this");
}

}  // namespace
}  // namespace kukeon::api
