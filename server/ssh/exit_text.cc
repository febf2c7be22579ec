#include "server/ssh/exit_text.h"

#include "absl/strings/str_cat.h"
#include "transports/text_tail.h"

namespace ramet::server {
namespace {

// As a POSIX shell reports them.
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

// The name without "SIG" (RFC 4254, 6.10); empty: no signal.
std::string ExitSignal(LIBSSH2_SESSION* session, LIBSSH2_CHANNEL* channel) {
  char* name = nullptr;
  size_t size = 0;
  if (libssh2_channel_get_exit_signal(channel, &name, &size, nullptr, nullptr,
                                      nullptr, nullptr) != 0 ||
      name == nullptr) {
    return std::string();
  }
  const std::string text = transports::Printable(std::string_view(name, size));
  libssh2_free(session, name);
  return text;
}

}  // namespace

core::Status ExplainExit(LIBSSH2_SESSION* session, LIBSSH2_CHANNEL* channel,
                         const std::string& words, bool received) {
  const std::string signal = ExitSignal(session, channel);
  const int exit_status = libssh2_channel_get_exit_status(channel);
  std::string text =
      signal.empty()
          ? absl::StrCat("remote command exited with status ", exit_status)
          : absl::StrCat("remote command was killed by SIG", signal);
  if (!words.empty()) absl::StrAppend(&text, ": ", words);
  const bool missing =
      signal.empty() && !received &&
      (exit_status == kNotExecutable || exit_status == kNotFound);
  return core::Status(
      missing ? core::Code::kFailedPrecondition : core::Code::kUnavailable,
      std::move(text));
}

}  // namespace ramet::server
