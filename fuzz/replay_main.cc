// Runs a fuzz target once over every file of its corpus:
//
//   NAME_corpus_test FILE...
//
// so that what a fuzzer once found stays found in every run of the tests.

#include <stdio.h>

#include <fstream>
#include <iterator>
#include <string>

#include "fuzz/fuzz_input.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "no corpus\n");
    return 1;
  }
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      fprintf(stderr, "cannot read %s\n", argv[i]);
      return 1;
    }
    const std::string bytes((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
    printf("%s: %zu bytes\n", argv[i], bytes.size());
    fflush(stdout);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()),
                           bytes.size());
  }
  printf("%d files\n", argc - 1);
  return 0;
}
