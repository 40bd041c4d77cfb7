// SPDX-License-Identifier: Apache-2.0
#include "kukeon/containerd/exec_streams.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <future>

#include "kukeon/base/error_kinds.h"

namespace kukeon::containerd {
namespace {

using runtime::OutputStream;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using End = ExecStreams::End;
using Input = ExecStreams::Input;
using Wanted = ExecStreams::Wanted;

steady_clock::time_point in(milliseconds time) { return steady_clock::now() + time; }

// The tests are the shim: they open the FIFOs by name, as it does.
class ExecStreamsTest : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::string out_;
  std::string err_;
  ExecStreams::OnOutput keep_ = [this](OutputStream stream, std::string_view bytes) {
    (stream == OutputStream::out ? out_ : err_) += bytes;
  };
};

TEST_F(ExecStreamsTest, PassOnEveryByteBeforeTheEndIsReached) {
  ExecStreams streams{directory_.path(), Wanted::out_and_err, Input::no, keep_};
  const std::string much(std::size_t{1} << 20, 'x');
  {
    const Fd out = open_file(streams.out_path(), O_WRONLY);
    const Fd err = open_file(streams.err_path(), O_WRONLY);
    streams.opened();
    write_all(out.get(), much, "out");
    write_all(err.get(), "tail", "err");
  }
  EXPECT_EQ(streams.wait_for_end(seconds{10}, in(seconds{10})), End::reached);
  EXPECT_EQ(out_, much);
  EXPECT_EQ(err_, "tail");
}

TEST_F(ExecStreamsTest, HaveNoEndBeforeTheShimCame) {
  ExecStreams streams{directory_.path(), Wanted::out, Input::no, keep_};
  EXPECT_EQ(streams.wait_for_end(seconds{10}, in(milliseconds{30})), End::late);
}

TEST_F(ExecStreamsTest, AreQuietWhileSomebodyHoldsThemOpen) {
  ExecStreams streams{directory_.path(), Wanted::out, Input::no, keep_};
  const Fd out = open_file(streams.out_path(), O_WRONLY);
  write_all(out.get(), "a", "out");
  EXPECT_EQ(streams.wait_for_end(milliseconds{50}, in(seconds{10})), End::quiet);
  EXPECT_EQ(out_, "a");
}

TEST_F(ExecStreamsTest, AreNotQuietWhileAReaderTakesItsTime) {
  std::promise<void> go_on;
  const auto may_go_on = go_on.get_future().share();
  std::promise<void> called;
  ExecStreams streams{directory_.path(), Wanted::out, Input::no,
                      [&](OutputStream, std::string_view) {
                        called.set_value();
                        may_go_on.wait();
                      }};
  {
    const Fd out = open_file(streams.out_path(), O_WRONLY);
    write_all(out.get(), "a", "out");
  }
  called.get_future().wait();
  EXPECT_EQ(streams.wait_for_end(milliseconds{1}, in(milliseconds{50})), End::late);
  go_on.set_value();
  EXPECT_EQ(streams.wait_for_end(seconds{10}, in(seconds{10})), End::reached);
}

TEST_F(ExecStreamsTest, GoOnWhenTheReaderThrows) {
  ExecStreams streams{directory_.path(), Wanted::out, Input::no,
                      [](OutputStream, std::string_view) {
                        throw Error{kinds::unknown, "no"};
                      }};
  {
    const Fd out = open_file(streams.out_path(), O_WRONLY);
    write_all(out.get(), std::string(std::size_t{1} << 20, 'x'), "out");
  }
  EXPECT_EQ(streams.wait_for_end(seconds{10}, in(seconds{10})), End::reached);
}

TEST_F(ExecStreamsTest, LeaveNoNameOnceTheShimHasOpenedThem) {
  ExecStreams streams{directory_.path(), Wanted::out, Input::no, keep_};
  EXPECT_FALSE(fs::is_empty(directory_.path()));
  const Fd out = open_file(streams.out_path(), O_WRONLY);
  streams.opened();
  EXPECT_TRUE(fs::is_empty(directory_.path()));
}

TEST_F(ExecStreamsTest, EndWhenNobodyEverOpensThem) {
  { const ExecStreams streams{directory_.path(), Wanted::out_and_err, Input::yes, keep_}; }
  EXPECT_TRUE(fs::is_empty(directory_.path()));
}

TEST_F(ExecStreamsTest, TakeInputUntilTheReaderIsFullOrGone) {
  ExecStreams streams{directory_.path(), Wanted::none, Input::yes, {}};
  EXPECT_EQ(streams.wait_for_end(milliseconds{0}, in(milliseconds{0})), End::reached);
  Fd in = open_file(streams.in_path(), O_RDONLY | O_NONBLOCK);
  streams.opened();
  EXPECT_EQ(streams.write_input("hello", seconds{1}), 5U);
  std::array<char, 5> read{};
  EXPECT_EQ(::read(in.get(), read.data(), read.size()), 5);

  // What a FIFO holds, and no more.
  const std::size_t taken =
      streams.write_input(std::string(std::size_t{1} << 20, 'x'), milliseconds{20});
  EXPECT_EQ(taken, std::size_t{64} << 10);
  in.reset();
  try {
    streams.write_input("more", seconds{1});  // and the test is not ended by SIGPIPE
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::failed_precondition)) << error.what();
  }
}

TEST_F(ExecStreamsTest, NameALogFileTwice) {
  const std::string log = directory_.path() / "a b%zz?.log";
  const fs::path names = directory_.path() / "names";
  write_file_in_place(log, "before\n");
  ExecStreams streams{names, Input::no, log};
  EXPECT_NE(streams.out_path(), streams.err_path());
  write_all(open_file(streams.out_path(), O_WRONLY | O_APPEND).get(), "out\n", "out");
  write_all(open_file(streams.err_path(), O_WRONLY | O_APPEND).get(), "err\n", "err");
  streams.opened();
  EXPECT_EQ(read_file(log), "before\nout\nerr\n");
  EXPECT_TRUE(fs::is_empty(names));
  EXPECT_EQ(streams.wait_for_end(milliseconds{0}, in(milliseconds{0})), End::reached);
}

TEST_F(ExecStreamsTest, RefuseInputThatNobodyAskedForAndAfterItsEnd) {
  ExecStreams none{directory_.path(), Wanted::out, Input::no, keep_};
  EXPECT_THROW(none.write_input("a", seconds{1}), Error);
  ExecStreams streams{directory_.path(), Wanted::none, Input::yes, {}};
  const Fd in = open_file(streams.in_path(), O_RDONLY | O_NONBLOCK);
  streams.opened();
  streams.close_input();
  EXPECT_THROW(streams.write_input("a", seconds{1}), Error);
}

}  // namespace
}  // namespace kukeon::containerd
