// SPDX-License-Identifier: Apache-2.0
// PID 1 of a cell's root container. It holds the cell's namespaces, reaps every orphan, and exits 0
// on TERM or INT (runtime.md 2.2). No libc: a page or two of memory per cell instead of hundreds
// (bench/).

typedef unsigned long word;
typedef unsigned long long signal_set;  // the kernel's sigset_t: bit n-1 is signal n

enum { sigint = 2, sigterm = 15, sigchld = 17 };
enum { sig_block = 0, wnohang = 1, wall = 0x40000000 };
enum { eintr = 4 };

#if defined(__x86_64__)

enum { nr_rt_sigprocmask = 14, nr_wait4 = 61, nr_rt_sigtimedwait = 128, nr_exit_group = 231 };

static long syscall4(long number, word a, word b, word c, word d) {
  long result;
  register word r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}

// The kernel enters with rsp 16-aligned and no return address; the call makes the frame what the
// ABI wants.
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  call run\n");

#elif defined(__aarch64__)

enum { nr_exit_group = 94, nr_rt_sigprocmask = 135, nr_rt_sigtimedwait = 137, nr_wait4 = 260 };

static long syscall4(long number, word a, word b, word c, word d) {
  register long x8 __asm__("x8") = number;
  register word x0 __asm__("x0") = a;
  register word x1 __asm__("x1") = b;
  register word x2 __asm__("x2") = c;
  register word x3 __asm__("x3") = d;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return (long)x0;
}

__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov x29, xzr\n"
    "  bl run\n");

#else
#error "kukepause has system call stubs for x86_64 and aarch64 only"
#endif

static _Noreturn void leave(int code) {
  for (;;) syscall4(nr_exit_group, (word)code, 0, 0, 0);
}

static signal_set set_of(int signal) { return 1ULL << (signal - 1); }

_Noreturn __attribute__((used)) void run(void) {
  const signal_set awaited = set_of(sigterm) | set_of(sigint) | set_of(sigchld);

  // Blocked before the first wait: a signal that comes earlier stays pending instead of being lost.
  // A PID 1 would not even get a TERM that it neither blocks nor handles (pid_namespaces(7)).
  if (syscall4(nr_rt_sigprocmask, sig_block, (word)&awaited, 0, sizeof awaited) < 0) leave(1);

  for (;;) {
    // One SIGCHLD may stand for many children, and some may have died before we began.
    while (syscall4(nr_wait4, (word)-1L, 0, wnohang | wall, 0) > 0) {
    }

    const long signal = syscall4(nr_rt_sigtimedwait, (word)&awaited, 0, 0, sizeof awaited);
    if (signal == sigterm || signal == sigint) leave(0);
    if (signal < 0 && signal != -eintr) leave(1);
  }
}
