#ifndef SERVER_PATCH_MAKER_H_
#define SERVER_PATCH_MAKER_H_

#include <string>
#include <string_view>

namespace ramet::server {

// A patch that makes `image` of `base` (importer/image_patch.h applies it): for
// two builds of one program a few per cent of it, once it is deflated. Takes
// some 15 ms for a megabyte, and six times the base's size; stops, and gives
// nothing, when the two make it take too long. Pure.
//
// The format and the way to find what is alike are those of bsdiff (C.
// Percival, "Naive differences of executable code", 2003): code that has moved
// differs in a few bytes of its addresses, again and again in the same way,
// which deflates well.
std::string MakeImagePatch(std::string_view base, std::string_view image);

}  // namespace ramet::server

#endif  // SERVER_PATCH_MAKER_H_
