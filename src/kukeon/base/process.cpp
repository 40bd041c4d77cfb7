// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"

extern char** environ;

namespace kukeon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Pipe {
  Fd read;
  Fd write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw Error::from_errno("create a pipe");
  return {Fd{ends[0]}, Fd{ends[1]}};
}

// A caller's "forever" must not overflow the clock.
steady_clock::time_point deadline_after(milliseconds timeout) {
  return steady_clock::now() + std::min<milliseconds>(timeout, std::chrono::hours{24 * 365});
}

int poll_timeout(steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left + 1, 0, 1 << 30));
}

Exit decode_status(int status) {
  if (WIFSIGNALED(status)) return {128 + WTERMSIG(status), WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = ::getenv("PATH");
  std::string list = path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin";
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t end = std::min(list.find(':', start), list.size());
    std::string candidate = list.substr(start, end - start) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    start = end + 1;
  }
  throw Error{kinds::not_found, fmt::format("program {} is not installed", name)};
}

struct ChildPlan {
  const char* file;
  char* const* argv;
  char* const* envp;
  const char* directory;
  Process::Pipes pipes;
  bool new_session;
  const std::vector<int>* inherit;
  int report;
  pid_t dies_with;  // 0: it lives on
};

// After fork: async-signal-safe calls only. A failure is written to `report` as an errno.
[[noreturn]] void become(const ChildPlan& plan) {
  // Above 2, as the streams below: a parent without stdin gave the pipe that number.
  const int report = plan.report > 2 ? plan.report : ::fcntl(plan.report, F_DUPFD_CLOEXEC, 3);
  const auto fail = [&] {
    const int err = errno;
    (void)!::write(report, &err, sizeof err);
    ::_exit(127);
  };
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (plan.new_session) ::setsid();
  if (plan.dies_with != 0) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail();
    // A parent that was gone before that line sends nothing.
    if (::getppid() != plan.dies_with) ::_exit(127);
  }
  if (plan.directory != nullptr && ::chdir(plan.directory) < 0) fail();
  const int wanted[3] = {plan.pipes.in, plan.pipes.out, plan.pipes.err};
  int source[3];
  for (int i = 0; i < 3; ++i) {
    // Above 2, so that installing one stream cannot overwrite another's source.
    source[i] = wanted[i] >= 0 ? ::fcntl(wanted[i], F_DUPFD_CLOEXEC, 3)
                               : ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (source[i] < 0) fail();
    if (source[i] < 3) source[i] = ::fcntl(source[i], F_DUPFD_CLOEXEC, 3);
  }
  for (int i = 0; i < 3; ++i) {
    if (::dup2(source[i], i) < 0) fail();
  }
  for (const int fd : *plan.inherit) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags < 0 || ::fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) < 0) fail();
  }
  ::execve(plan.file, plan.argv, plan.envp);
  fail();
  ::_exit(127);
}

}  // namespace

Process Process::start(const Command& command, const Pipes& pipes) {
  const std::string file = find_program(command.argv.at(0));
  std::vector<char*> argv;
  for (const std::string& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  std::vector<std::string> environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!command.extra_env.contains(text.substr(0, text.find('=')))) environment.push_back(text);
  }
  for (const auto& [key, value] : command.extra_env) environment.push_back(key + "=" + value);
  std::vector<char*> envp;
  for (const std::string& entry : environment) envp.push_back(const_cast<char*>(entry.c_str()));
  envp.push_back(nullptr);

  Pipe report = make_pipe();
  const ChildPlan plan{file.c_str(),
                       argv.data(),
                       envp.data(),
                       command.directory ? command.directory->c_str() : nullptr,
                       pipes,
                       command.new_session,
                       &command.inherit,
                       report.write.get(),
                       command.dies_with_us ? ::getpid() : 0};
  // vfork would spare the page tables, but setsid and chdir in the child need our own stack.
  const pid_t pid = ::fork();
  if (pid < 0) throw Error::from_errno(fmt::format("start {}", file));
  if (pid == 0) become(plan);

  Process process;
  process.pid_ = pid;
  process.pidfd_ = open_pidfd(pid);
  if (!process.pidfd_) throw Error::from_errno(fmt::format("open a pidfd for {}", file));
  report.write.reset();
  int err = 0;
  ssize_t n = 0;
  do {
    n = ::read(report.read.get(), &err, sizeof err);
  } while (n < 0 && errno == EINTR);
  if (n == static_cast<ssize_t>(sizeof err)) {
    process.wait();
    throw Error::from_errno(fmt::format("start {}", file), err);
  }
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)}, pidfd_{std::move(other.pidfd_)} {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

void Process::signal(int number) {
  if (pid_ > 0 && ::kill(pid_, number) < 0 && errno != ESRCH) {
    throw Error::from_errno(fmt::format("signal process {}", pid_));
  }
}

std::optional<Exit> Process::wait(milliseconds timeout) {
  if (pid_ <= 0) return Exit{};
  if (!wait_for_exit(pidfd_, timeout)) return std::nullopt;
  return wait();
}

Exit Process::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) throw Error::from_errno(fmt::format("wait for process {}", pid_));
  }
  pid_ = -1;
  pidfd_.reset();
  return decode_status(status);
}

pid_t Process::release() {
  pidfd_.reset();
  return std::exchange(pid_, -1);
}

Output run(const Command& command, milliseconds timeout, std::string_view input, std::size_t limit,
           const std::stop_token& stop) {
  const auto deadline = deadline_after(timeout);
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  const Fd stopped{stop.stop_possible() ? ::eventfd(0, EFD_CLOEXEC) : -1};
  if (stop.stop_possible() && !stopped) throw Error::from_errno("create an eventfd");
  const std::stop_callback on_stop{
      stop, [fd = stopped.get()] { (void)::eventfd_write(fd, 1); }};  // a full counter wakes too
  Process process = Process::start(command, {in.read.get(), out.write.get(), err.write.get()});
  in.read.reset();
  out.write.reset();
  err.write.reset();
  ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  if (input.empty()) in.write.reset();

  const auto fail_late = [&] {
    throw Error{kinds::deadline_exceeded,
                fmt::format("{} did not finish within {} ms", command.argv[0], timeout.count())};
  };
  Output output;
  const auto drain = [&](Fd& fd, std::string& into) {
    char chunk[16384];
    const ssize_t n = ::read(fd.get(), chunk, sizeof chunk);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n <= 0) {
      fd.reset();
      return;
    }
    into.append(chunk, std::min(static_cast<std::size_t>(n), limit - std::min(limit, into.size())));
  };
  // A daemonized grandchild may keep the pipes open: the child's own end is what counts.
  bool exited = false;
  while (out.read || err.read || in.write) {
    // Checked here: a program that never stops writing would keep poll() from ever timing out.
    if (steady_clock::now() >= deadline) {
      if (exited) break;
      fail_late();
    }
    if (stop.stop_requested()) {
      throw Error{kinds::cancelled, fmt::format("{} was stopped", command.argv[0])};
    }
    pollfd waiting[5] = {{out.read.get(), POLLIN, 0},
                         {err.read.get(), POLLIN, 0},
                         {in.write.get(), POLLOUT, 0},
                         {exited ? -1 : process.pidfd().get(), POLLIN, 0},
                         {stopped.get(), POLLIN, 0}};
    const int ready = ::poll(waiting, 5, exited ? 0 : poll_timeout(deadline));
    if (ready < 0 && errno != EINTR) throw Error::from_errno("poll");
    if (ready == 0 && exited) break;
    if (ready <= 0) continue;
    if (waiting[0].revents != 0) drain(out.read, output.out);
    if (waiting[1].revents != 0) drain(err.read, output.err);
    if (waiting[2].revents != 0) {
      // SIGPIPE is ignored by our programs; EPIPE means that the child does not want more.
      const ssize_t n = ::write(in.write.get(), input.data(), input.size());
      if (n > 0) input.remove_prefix(static_cast<std::size_t>(n));
      if (input.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.write.reset();
    }
    if (waiting[3].revents != 0) exited = true;
  }
  const auto exit = process.wait(milliseconds{poll_timeout(deadline)});
  if (!exit) fail_late();
  output.exit = *exit;
  return output;
}

bool process_exists(pid_t pid) { return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM); }

Fd open_pidfd(pid_t pid) {
  return Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};  // CLOEXEC by definition
}

bool wait_for_exit(const Fd& pidfd, milliseconds timeout) {
  const auto deadline = deadline_after(timeout);
  pollfd waiting{pidfd.get(), POLLIN, 0};
  for (;;) {
    const int ready = ::poll(&waiting, 1, poll_timeout(deadline));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw Error::from_errno("poll");
    if (steady_clock::now() >= deadline) return false;
  }
}

}  // namespace kukeon
