// Definitions that keep out of a module what it does not need of Debian's
// static libraries (README.md). All are weak: if a module does use what they
// stand for, the library's own are linked as well, and take their place.

#include <cxxabi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iostream>

#include "absl/debugging/symbolize.h"

namespace {

void Say(const char* text) { (void)!write(STDERR_FILENO, text, strlen(text)); }

}  // namespace

// Reached from no_streams.S.
extern "C" [[noreturn]] void ramet_no_streams() {
  Say("ramet: a library made a stream that no module was expected to need\n");
  abort();
}

// Reached from unreached.S.
extern "C" [[noreturn]] void ramet_unreached() {
  Say("ramet: a library did what no module was expected to need\n");
  abort();
}

extern "C" __attribute__((weak)) char ramet_cout asm("_ZSt4cout");

namespace std {

// Every source that has seen <iostream> asks for the standard streams, most
// without using them. With them comes the machinery of locales.
__attribute__((weak)) ios_base::Init::Init() {
  if (&ramet_cout != nullptr) {
    Say("ramet: standard streams were linked without what initializes them\n");
    abort();
  }
}

__attribute__((weak)) ios_base::Init::~Init() {}

}  // namespace std

namespace __gnu_cxx {

// The library's names the type as it is written in C++, for which it has a
// demangler.
__attribute__((weak)) void __verbose_terminate_handler() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  Say("terminate called");
  if (type != nullptr) {
    Say(" after throwing ");
    Say(type->name());
    try {
      throw;
    } catch (const std::exception& exception) {
      Say(": ");
      Say(exception.what());
    } catch (...) {
    }
  }
  Say("\n");
  abort();
}

}  // namespace __gnu_cxx

namespace absl {
ABSL_NAMESPACE_BEGIN

// Of a module, which has no symbols.
__attribute__((weak)) bool Symbolize(const void*, char*, int) { return false; }

ABSL_NAMESPACE_END
}  // namespace absl
