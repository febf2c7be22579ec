#include "agent/process_title.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>

namespace ramet::agent {
namespace {

char* area = nullptr;
size_t area_bytes = 0;

}  // namespace

void ProcessTitle::Init(int argc, char** argv) {
  if (argc < 1) return;
  // The kernel lays argv and the environment out as one run of strings.
  char* end = argv[0];
  for (int i = 0; i < argc; ++i) {
    if (argv[i] == end) end = argv[i] + strlen(argv[i]) + 1;
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (*entry == end) end = *entry + strlen(*entry) + 1;
    *entry = strdup(*entry);
  }
  area = argv[0];
  area_bytes = end - argv[0];
}

void ProcessTitle::Set(std::string_view title) {
  prctl(PR_SET_NAME, "ramet");
  if (area_bytes == 0) return;
  const size_t count = std::min(title.size(), area_bytes - 1);
  memcpy(area, title.data(), count);
  memset(area + count, 0, area_bytes - count);
}

}  // namespace ramet::agent
