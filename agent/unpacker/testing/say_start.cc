// Says how it was started: what unpacker_test packs.

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

namespace {

void SayDescriptor(int fd) {
  struct stat file;
  if (fstat(fd, &file) != 0) {
    printf("fd %d: closed\n", fd);
    return;
  }
  printf("fd %d: %ld bytes, inode %ld, seals %d\n", fd,
         static_cast<long>(file.st_size), static_cast<long>(file.st_ino),
         fcntl(fd, F_GET_SEALS));
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) printf("argument %s\n", argv[i]);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    printf("environment %s\n", *entry);
  }
  for (int fd = 3; fd < 10; ++fd) SayDescriptor(fd);
  struct stat self;
  if (stat("/proc/self/exe", &self) == 0) {
    printf("executable: %ld bytes, inode %ld\n",
           static_cast<long>(self.st_size), static_cast<long>(self.st_ino));
  }
  return 42;
}
