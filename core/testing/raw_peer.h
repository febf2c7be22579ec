#ifndef CORE_TESTING_RAW_PEER_H_
#define CORE_TESTING_RAW_PEER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/loop/byte_stream.h"
#include "core/wire/frame_header.h"

namespace ramet::core {

struct RawFrame {
  FrameHeader header;
  std::string payload;
};

// A frame's bytes; header.length is set from `payload`.
std::string FrameBytes(FrameHeader header, std::string_view payload = {});

// The far end of a link, without any manners: says exactly what a test tells it
// to, and keeps all that it hears.
class RawPeer final : private ByteStream::Listener {
 public:
  explicit RawPeer(std::unique_ptr<ByteStream> stream);

  void Send(const FrameHeader& header, std::string_view payload = {}) {
    SendBytes(FrameBytes(header, payload));
  }
  void SendBytes(std::string_view bytes);

  // Ends the stream.
  void Close() { stream_.reset(); }
  void Pause(bool pause) { stream_->PauseRead(pause); }

  // What arrived and was not taken, parsed. Bytes that are no frame are kept
  // in unparsed().
  const std::vector<RawFrame>& frames() const { return frames_; }
  std::vector<RawFrame> TakeFrames();
  const std::string& unparsed() const { return received_; }
  bool ended() const { return ended_; }
  size_t unsent_bytes() const { return unsent_.size(); }

 private:
  void OnReadable() override;
  void OnWritable() override;

  std::unique_ptr<ByteStream> stream_;
  std::string unsent_;
  std::string received_;
  std::vector<RawFrame> frames_;
  bool ended_ = false;
};

}  // namespace ramet::core

#endif  // CORE_TESTING_RAW_PEER_H_
