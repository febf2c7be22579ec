// The unpacker: a program that carries another one packed, and becomes it. It
// runs before anything else on a target, without a libc:
//
//   1. makes a file in memory and puts it on descriptor 3;
//   2. removes the files that its arguments after the first name: a first stage
//      that can't remove this program before it is started leaves that to it;
//   3. unpacks the image into the file in memory;
//   4. executes that, with the same arguments and environment.
//
// With "-p" as its only argument it makes the file, with room for the image,
// and succeeds: a first stage asks so whether it can be run where it lies.
// Unpacking it for that, too, would cost some milliseconds of each start.
//
// Descriptor 4 is where a first stage leaves this program's own file, from
// which an agent starts its children on other machines; it is not touched here.
// When something fails, one line on standard error says what, and the exit
// status is not 0. docs/decisions/0007-self-unpacking-agent.md.

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "agent/unpacker/branch_filter.h"
#include "agent/unpacker/lzma_decoder.h"
#include "agent/unpacker/packed_image.h"
#include "agent/unpacker/syscall.h"

// Newer than some kernels, and than some headers.
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

namespace ramet::unpacker {
namespace {

// Where an agent expects its own image.
constexpr int kImageFd = 3;
constexpr int kFailedStatus = 1;
#if defined(__x86_64__)
constexpr LzmaParameters kLzma = kX86Lzma;
constexpr auto FilterBranches = &FilterX86Branches;
#elif defined(__aarch64__)
constexpr LzmaParameters kLzma = kArm64Lzma;
constexpr auto FilterBranches = &FilterArm64Branches;
#endif
// The highest number of an error that the kernel returns.
constexpr unsigned long kMaxErrno = 4095;

// What failed. Not a string_view: nothing here may ask for strlen.
struct Words {
  template <size_t n>
  constexpr Words(const char (&literal)[n])  // NOLINT: from any literal
      : text(literal), length(n - 1) {}
  const char* text;
  size_t length;
};

void Say(const char* text, size_t length) {
  Syscall(SYS_write, 2, text, length);
}

[[noreturn]] void Exit(int status) {
  for (;;) Syscall(SYS_exit_group, status);
}

// `error` as a system call returned it; 0: there is no number.
[[noreturn]] void Fail(Words what, long error) {
  constexpr char kBegin[] = "ramet: cannot unpack the agent: ";
  Say(kBegin, sizeof kBegin - 1);
  Say(what.text, what.length);
  char number[] = ", error 000\n";
  constexpr size_t kEnd = sizeof number - 1;
  size_t digit = kEnd - 1;
  const size_t begin = error != 0 ? 0 : digit;
  for (; error != 0; error /= 10) {
    number[--digit] = static_cast<char>('0' - error % 10);
  }
  Say(number + begin, kEnd - begin);
  Exit(kFailedStatus);
}

long Check(long result, Words what) {
  if (static_cast<unsigned long>(result) >= -kMaxErrno) Fail(what, result);
  return result;
}

bool IsProbe(const uintptr_t* argv) {
  if (argv[0] == 0 || argv[1] == 0 || argv[2] != 0) return false;
  const char* const argument = reinterpret_cast<const char*>(argv[1]);
  return argument[0] == '-' && argument[1] == 'p' && argument[2] == '\0';
}

// An executable file in memory, with room for the image, on kImageFd. It stays
// open across exec.
void MakeMemoryFile() {
  constexpr char kName[] = "ramet-agent";
  // As parent/agent_image.cc does it: kernels before 6.3 refuse MFD_EXEC.
  long fd = Syscall(SYS_memfd_create, kName, MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd == -EINVAL) fd = Syscall(SYS_memfd_create, kName, MFD_ALLOW_SEALING);
  Check(fd, "memfd_create");
  if (fd != kImageFd) {
    Check(Syscall(SYS_dup3, fd, kImageFd, 0), "dup");
    Syscall(SYS_close, fd);
  }
  // All room at once: an error now rather than SIGBUS at the first write.
  Check(Syscall(SYS_fallocate, kImageFd, 0, 0, kPackedImage.image_bytes),
        "fallocate");
}

// Never writable and executable at once: executed is another mapping, that exec
// makes after this one is gone.
void UnpackImage() {
  const size_t size = kPackedImage.image_bytes;
  uint8_t* const image = reinterpret_cast<uint8_t*>(
      Check(Syscall(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                    kImageFd, 0),
            "mmap"));
  if (!DecodeLzma(kLzma, kPackedImage.bytes, kPackedImage.byte_count, image,
                  size) ||
      Checksum(image, size) != kPackedImage.checksum) {
    Fail("damaged", 0);
  }
  FilterBranches(image, size, false);
  Syscall(SYS_munmap, image, size);
  // Best effort, against changes under the feet of those who run it.
  Syscall(SYS_fcntl, kImageFd, F_ADD_SEALS,
          F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
}

}  // namespace

// Called by _start. `stack`: argument count, arguments, 0, environment, 0.
extern "C" [[noreturn]] void Unpack(const uintptr_t* stack) {
  const uintptr_t* const argv = stack + 1;
  const uintptr_t* const environment = argv + stack[0] + 1;
  MakeMemoryFile();
  if (IsProbe(argv)) Exit(0);
  for (uintptr_t i = 2; i < stack[0]; ++i) {
    Syscall(SYS_unlinkat, AT_FDCWD, argv[i], 0);
  }
  UnpackImage();
  long error =
      Syscall(SYS_execveat, kImageFd, "", argv, environment, AT_EMPTY_PATH);
  if (error == -ENOSYS) {
    error = Syscall(SYS_execve, "/proc/self/fd/3", argv, environment);
  }
  Fail("exec", error);
}

}  // namespace ramet::unpacker
