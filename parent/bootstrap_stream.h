#ifndef PARENT_BOOTSTRAP_STREAM_H_
#define PARENT_BOOTSTRAP_STREAM_H_

#include <memory>
#include <string>
#include <string_view>

#include "core/loop/byte_stream.h"
#include "parent/agent_image.h"
#include "parent/connect_stats.h"

namespace ramet::parent {

// A ByteStream over the stdio of a first stage: sends the agent ahead of all
// that its user writes, and hides everything that arrives before the agent's
// marker. Frames may be written at once; they travel in the same flight as the
// image, which is why a connect costs one round trip after authentication.
//
// When the target asks for another image (its platform is not the guess) or for
// the same again (a place was full), what had been written is sent again behind
// it, but what AgentImages takes out, so the user never notices.
//
// Errors, in status(): FAILED_PRECONDITION no agent for the platform, or no
// place to run it from; UNAVAILABLE the far end ended, or said too much that is
// no marker. Texts carry the last lines that it printed.
class BootstrapStream final : public core::ByteStream,
                              private core::ByteStream::Listener,
                              private AgentImages::Waiter {
 public:
  // Banners, MOTDs and rc files may print this much before the marker.
  static constexpr size_t kMaxNoiseBytes = 1024 * 1024;
  // Images asked for again before the target is given up.
  static constexpr int kMaxResends = 4;

  // `inner` is the stream of FirstStageCommand(nonce, uname,
  // first_image.size()). `images` and `stats` (may be null) outlive it.
  BootstrapStream(std::unique_ptr<core::ByteStream> inner, std::string nonce,
                  std::string first_image, AgentImages* images,
                  ConnectStats* stats);
  ~BootstrapStream() override;

  void SetListener(core::ByteStream::Listener* listener) override;
  ssize_t Read(char* buffer, size_t capacity) override;
  ssize_t Write(const char* bytes, size_t count) override;
  void WantWrite(bool want) override;
  void PauseRead(bool pause) override { inner_->PauseRead(pause); }
  core::Status status() const override;
  // Before the marker, what the far end printed otherwise, too.
  std::string tail() const override;
  const char* phase() const override;

 private:
  void OnReadable() override;
  void OnWritable() override;
  void OnImage(const AgentImage* image) override;

  // Looks for a marker in noise_; true once there is nothing to hide any more.
  bool ScanNoise();
  bool OnTextMarker(std::string_view line);
  void Resend(const AgentImage& image);
  void FlushAhead();
  void Fail(core::Code code, std::string message);
  // The last lines of what the far end printed, for texts.
  std::string NoiseTail() const;

  const std::unique_ptr<core::ByteStream> inner_;
  const std::string nonce_;
  AgentImages* const images_;
  ConnectStats* const stats_;
  core::ByteStream::Listener* listener_ = nullptr;

  std::string ahead_;  // image bytes that go before anything else
  size_t ahead_written_ = 0;
  std::string replay_;   // all that the user wrote before the marker
  std::string noise_;    // all that arrived before the marker
  size_t scanned_ = 0;   // text markers before this were handled
  std::string early_;    // bytes behind the marker, not read yet
  std::string refusal_;  // the first stage's own reason to give up
  std::string uname_;    // of the target, when it has asked for an image
  bool asking_ = false;  // images_ is up the stack
  bool established_ = false;
  bool want_write_ = false;
  int resends_ = 0;
  core::Status status_;
};

}  // namespace ramet::parent

#endif  // PARENT_BOOTSTRAP_STREAM_H_
