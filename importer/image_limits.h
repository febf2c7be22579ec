#ifndef IMPORTER_IMAGE_LIMITS_H_
#define IMPORTER_IMAGE_LIMITS_H_

#include <stdint.h>

namespace ramet::importer {

// An image may be this long, deflated or not: far above what a program that
// travels should have, far below what hurts its target.
inline constexpr uint32_t kMaxImageBytes = 256 * 1024 * 1024;

}  // namespace ramet::importer

#endif  // IMPORTER_IMAGE_LIMITS_H_
