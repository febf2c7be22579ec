// embed_file INPUT OUTPUT.cc NAME: a C++ source that defines
//   extern const unsigned char NAME[]; extern const unsigned long NAME_size;
// with the bytes of INPUT.

#include <stdio.h>

#include <fstream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: embed_file INPUT OUTPUT.cc NAME\n");
    return 2;
  }
  std::ifstream input(argv[1], std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(input)),
                          std::istreambuf_iterator<char>());
  if (!input || bytes.empty()) {
    fprintf(stderr, "embed_file: cannot read %s\n", argv[1]);
    return 1;
  }
  FILE* const output = fopen(argv[2], "w");
  if (output == nullptr) {
    perror(argv[2]);
    return 1;
  }
  fprintf(output, "extern const unsigned char %s[];\n", argv[3]);
  fprintf(output, "extern const unsigned long %s_size;\n", argv[3]);
  fprintf(output, "const unsigned char %s[] = {", argv[3]);
  for (size_t i = 0; i < bytes.size(); ++i) {
    fprintf(output, "%s%u,", i % 24 == 0 ? "\n" : "",
            static_cast<unsigned char>(bytes[i]));
  }
  fprintf(output, "\n};\nconst unsigned long %s_size = %zu;\n", argv[3],
          bytes.size());
  return fclose(output) == 0 ? 0 : 1;
}
