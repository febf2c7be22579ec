// embed_file INPUT OUTPUT.cc NAME: a C++ source that defines
//   extern const unsigned char NAME[]; extern const unsigned long NAME_size;
// with the bytes of INPUT, compressed with gzip's format at its best level.

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

bool Compress(const std::string& bytes, std::vector<unsigned char>* out) {
  constexpr int kGzipFormat = 16;  // deflateInit2: added to the window bits
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED,
                   MAX_WBITS + kGzipFormat, MAX_MEM_LEVEL,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return false;
  }
  out->resize(deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out->data();
  stream.avail_out = static_cast<uInt>(out->size());
  const int result = deflate(&stream, Z_FINISH);
  out->resize(stream.total_out);
  deflateEnd(&stream);
  return result == Z_STREAM_END;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: embed_file INPUT OUTPUT.cc NAME\n");
    return 2;
  }
  std::ifstream input(argv[1], std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(input)),
                          std::istreambuf_iterator<char>());
  std::vector<unsigned char> compressed;
  if (!input || bytes.empty() || !Compress(bytes, &compressed)) {
    fprintf(stderr, "embed_file: cannot read or compress %s\n", argv[1]);
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
  for (size_t i = 0; i < compressed.size(); ++i) {
    fprintf(output, "%s%u,", i % 24 == 0 ? "\n" : "", compressed[i]);
  }
  fprintf(output, "\n};\nconst unsigned long %s_size = %zu;\n", argv[3],
          compressed.size());
  return fclose(output) == 0 ? 0 : 1;
}
