#include "server/ssh/session_memory.h"

#include <stdlib.h>

namespace ramet::server {

SessionMemory::~SessionMemory() {
  while (first_ != nullptr) {
    Header* const header = first_;
    first_ = header->next;
    free(header);
  }
}

void SessionMemory::Link(Header* header) {
  header->previous = nullptr;
  header->next = first_;
  if (first_ != nullptr) first_->previous = header;
  first_ = header;
}

void SessionMemory::Unlink(Header* header) {
  if (header->next != nullptr) header->next->previous = header->previous;
  if (header->previous != nullptr) {
    header->previous->next = header->next;
  } else {
    first_ = header->next;
  }
}

void* SessionMemory::Allocate(size_t size) {
  auto* const header = static_cast<Header*>(malloc(sizeof(Header) + size));
  if (header == nullptr) return nullptr;
  Link(header);
  return header + 1;
}

void* SessionMemory::Reallocate(void* memory, size_t size) {
  if (memory == nullptr) return Allocate(size);
  Header* const header = static_cast<Header*>(memory) - 1;
  Unlink(header);
  auto* const grown =
      static_cast<Header*>(realloc(header, sizeof(Header) + size));
  Link(grown != nullptr ? grown : header);
  return grown != nullptr ? grown + 1 : nullptr;
}

void SessionMemory::Free(void* memory) {
  if (memory == nullptr) return;
  Header* const header = static_cast<Header*>(memory) - 1;
  Unlink(header);
  free(header);
}

}  // namespace ramet::server
