// `uname -sm`, whatever it is asked for: what the kernel says to a program for
// this machine. Under emulation that is not what it says to others.

#include <stdio.h>
#include <sys/utsname.h>

int main() {
  utsname name;
  if (uname(&name) != 0) return 1;
  printf("%s %s\n", name.sysname, name.machine);
  return 0;
}
