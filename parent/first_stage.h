#ifndef PARENT_FIRST_STAGE_H_
#define PARENT_FIRST_STAGE_H_

#include <stddef.h>

#include <string>
#include <string_view>

namespace ramet::parent {

// The first stage: one line of POSIX shell that receives the agent on its
// standard input and becomes it. docs/bootstrap.md tells its dialogue.

inline constexpr size_t kNonceBytes = 16;

// A fresh random nonce, in hexadecimal. It makes the markers of one bootstrap
// unlike everything that a banner or an rc file prints.
std::string MakeNonce();

// The command for the remote login shell. It survives sh, dash, bash, ash, zsh,
// ksh, fish, csh and tcsh: one line, one pair of single quotes, and within no
// backslash, quote or "!".
//
// `uname` is the guess ("Linux x86_64"); its packed agent of `image_bytes`
// follows on standard input, and behind it at once the link's frames.
std::string FirstStageCommand(std::string_view nonce, std::string_view uname,
                              size_t image_bytes);

// What the far end says before it is an agent. The text markers come from the
// shell: "RAMET.<nonce> WORD REST\n"; the last one, from the agent, has bytes
// that no terminal output contains.
std::string TextMarker(std::string_view nonce);
std::string AgentMarker(std::string_view nonce);

// The answer to "need UNAME": ends what the shell skips and opens the image
// that it asked for.
std::string ResendHeader(std::string_view nonce, size_t image_bytes);

}  // namespace ramet::parent

#endif  // PARENT_FIRST_STAGE_H_
