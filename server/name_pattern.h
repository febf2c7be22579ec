#ifndef SERVER_NAME_PATTERN_H_
#define SERVER_NAME_PATTERN_H_

#include <string_view>

namespace ramet::server {

// Whether the whole of `text` matches `pattern`, in which "*" stands for any
// characters, none included, but those of `stops`, and "**" for any characters.
// Pure; linear in the length of `text` for each star.
bool MatchesPattern(std::string_view pattern, std::string_view text,
                    std::string_view stops);

// With the stops of a context's name: what a star covers is a part of one hop,
// so that "ssh:web*" is neither "ssh:web1/sudo:root" nor "ssh:web1@other".
bool MatchesTarget(std::string_view pattern, std::string_view name);

// Whether it matches the name of a context, or of one above it: of each path
// that `name` ("ssh:bastion/ssh:web1") begins with.
bool MatchesTargetOrAbove(std::string_view pattern, std::string_view name);

// With the stops of "demo.v1.Greeter/SayHello".
bool MatchesMethod(std::string_view pattern, std::string_view method);

}  // namespace ramet::server

#endif  // SERVER_NAME_PATTERN_H_
