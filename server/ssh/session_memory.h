#ifndef SERVER_SSH_SESSION_MEMORY_H_
#define SERVER_SSH_SESSION_MEMORY_H_

#include <stddef.h>

namespace ramet::server {

// The heap of one libssh2 session: gives everything back in the end, which
// libssh2 1.10 does not do for an exchange that was cut short or refused.
//
// Threads: one at a time. Errors: null when there is no memory.
class SessionMemory {
 public:
  SessionMemory() = default;
  ~SessionMemory();
  SessionMemory(const SessionMemory&) = delete;
  SessionMemory& operator=(const SessionMemory&) = delete;

  void* Allocate(size_t size);
  void* Reallocate(void* memory, size_t size);
  void Free(void* memory);

 private:
  // Before each block; its size keeps the block aligned for any type.
  struct alignas(max_align_t) Header {
    Header* previous;
    Header* next;
  };

  void Link(Header* header);
  void Unlink(Header* header);

  Header* first_ = nullptr;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_SESSION_MEMORY_H_
