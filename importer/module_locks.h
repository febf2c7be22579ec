#ifndef IMPORTER_MODULE_LOCKS_H_
#define IMPORTER_MODULE_LOCKS_H_

#include <stddef.h>

#include <string>
#include <string_view>

#include "core/wire/control.h"

namespace ramet::importer {

// Locks: rules about modules that a context holds for its life, whoever its
// ancestors are by then. docs/module_lifecycle.md says what they promise.
//
// As they travel, in Hello.module_locks, locks are lines of text, each with a
// line feed behind it. A line "=TEXT" begins a lock, and says what it is called
// in errors. Its patterns follow: what matches one behind "-" is refused; if
// there are any behind "+", so is what matches none of these. A pattern that
// begins with kImagePrefix is one of an image, one that begins with kKeyPrefix
// (module_statement.h) of the key that has signed a statement of it; others are
// of modules' names. "*" stands for any characters. Locks that are put behind
// others are locks again.

inline constexpr std::string_view kImagePrefix = "image:";

// Of all locks of a context together, as they travel. They share the hello's
// frame, of 64 KiB, with names of up to 8 KiB; some 450 images.
inline constexpr size_t kMaxLocksBytes = 32 * 1024;

// What locks know an image by: kImagePrefix and its digest in hex; and, because
// a variable can make another program of it, when the announcement gives
// variables values, "+" and the SHA-256 in hex of these, in their order, each
// as its length in decimal, ":" and "NAME=value".
std::string ImageText(const core::LoadModule& announced);

// What the first lock is called that refuses what was announced; without
// data(): none does. Lines that are none of these are taken for "+", so that
// what is malformed allows no more. Takes IsSigned()'s time, once, where a lock
// has a key that the announcement says it is signed by.
std::string_view FindRefusing(std::string_view locks,
                              const core::LoadModule& announced);

}  // namespace ramet::importer

#endif  // IMPORTER_MODULE_LOCKS_H_
