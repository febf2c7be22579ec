#ifndef THIRD_PARTY_TSAN_REAL_H_
#define THIRD_PARTY_TSAN_REAL_H_

#include <dlfcn.h>
#include <stdlib.h>

#include <type_traits>

namespace ramet::tsan {

// The library's own function, by its mangled name.
template <typename Function>
Function Real(const char* symbol) {
  void* const found = dlsym(RTLD_NEXT, symbol);
  if (found == nullptr) abort();
  return reinterpret_cast<Function>(found);
}

// A static per place: this is called before constructors of globals.
#define RAMET_REAL(type, symbol)                               \
  ([] {                                                        \
    static const auto real =                                   \
        ::ramet::tsan::Real<std::add_pointer_t<type>>(symbol); \
    return real;                                               \
  }())

}  // namespace ramet::tsan

#endif  // THIRD_PARTY_TSAN_REAL_H_
