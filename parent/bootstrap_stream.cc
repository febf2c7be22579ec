#include "parent/bootstrap_stream.h"

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "core/base/strings.h"
#include "parent/first_stage.h"

namespace ramet::parent {
namespace {

// Of what the far end printed, this much goes into an error's text.
constexpr size_t kNoiseTailBytes = 512;

std::string Printable(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') {
      out += " | ";
    } else if (c != '\r') {
      out += c >= ' ' && c < 127 ? c : '?';
    }
  }
  return out;
}

}  // namespace

BootstrapStream::BootstrapStream(std::unique_ptr<core::ByteStream> inner,
                                 std::string nonce, std::string first_image,
                                 AgentImages* images, ConnectStats* stats)
    : inner_(std::move(inner)),
      nonce_(std::move(nonce)),
      images_(images),
      stats_(stats),
      ahead_(std::move(first_image)) {}

BootstrapStream::~BootstrapStream() { images_->Forget(this); }

void BootstrapStream::SetListener(core::ByteStream::Listener* listener) {
  listener_ = listener;
  inner_->SetListener(this);
  inner_->WantWrite(want_write_ || !ahead_.empty());
}

void BootstrapStream::WantWrite(bool want) {
  want_write_ = want;
  inner_->WantWrite(want_write_ || !ahead_.empty());
}

ssize_t BootstrapStream::Write(const char* bytes, size_t count) {
  if (!status_.ok()) return -EPROTO;
  if (!ahead_.empty()) {
    FlushAhead();
    if (!ahead_.empty()) return -EAGAIN;
  }
  const ssize_t written = inner_->Write(bytes, count);
  if (written > 0 && !established_) replay_.append(bytes, written);
  return written;
}

void BootstrapStream::FlushAhead() {
  while (ahead_written_ < ahead_.size()) {
    const ssize_t written = inner_->Write(ahead_.data() + ahead_written_,
                                          ahead_.size() - ahead_written_);
    if (written == -EAGAIN) return;
    // A failure shows on the read side, together with its reason.
    if (written < 0) break;
    ahead_written_ += written;
    if (stats_ != nullptr) stats_->bootstrap_bytes_sent += written;
  }
  std::string().swap(ahead_);
  ahead_written_ = 0;
  inner_->WantWrite(want_write_);
}

void BootstrapStream::OnWritable() {
  if (!ahead_.empty()) {
    FlushAhead();
    if (!ahead_.empty()) return;
  }
  if (want_write_) listener_->OnWritable();
}

void BootstrapStream::OnReadable() {
  // The listener reads; whatever is noise is taken out there.
  listener_->OnReadable();
}

ssize_t BootstrapStream::Read(char* buffer, size_t capacity) {
  if (!early_.empty()) {
    const size_t count = std::min(capacity, early_.size());
    memcpy(buffer, early_.data(), count);
    early_.erase(0, count);
    return count;
  }
  if (established_) return inner_->Read(buffer, capacity);
  for (;;) {
    if (!status_.ok()) return -EPROTO;
    const ssize_t count = inner_->Read(buffer, capacity);
    if (count == -EAGAIN) return count;
    if (count <= 0) {
      const core::Status inner = inner_->status();
      std::string text = inner.message();
      if (text.empty()) text = "the remote command ended without a reason";
      if (!refusal_.empty()) {
        Fail(core::Code::kFailedPrecondition, refusal_ + "; " + text);
        return -EPROTO;
      }
      const std::string tail = NoiseTail();
      if (!tail.empty()) text += "; it printed: " + tail;
      Fail(inner.ok() ? core::Code::kUnavailable : inner.code(),
           std::move(text));
      return -EPROTO;
    }
    if (stats_ != nullptr) stats_->bootstrap_bytes_received += count;
    noise_.append(buffer, count);
    if (ScanNoise()) {
      return Read(buffer, capacity);
    }
    if (noise_.size() > kMaxNoiseBytes) {
      Fail(core::Code::kUnavailable,
           core::Concat({"the far end printed more than ", kMaxNoiseBytes,
                         " bytes and no marker: ", NoiseTail()}));
    }
  }
}

bool BootstrapStream::ScanNoise() {
  const std::string agent = AgentMarker(nonce_);
  const std::string text = TextMarker(nonce_);
  // A marker may have begun in the bytes that were scanned before.
  for (;;) {
    const size_t agent_at = noise_.find(agent, scanned_);
    const size_t text_at = noise_.find(text, scanned_);
    if (text_at < agent_at) {
      const size_t begin = text_at + text.size();
      const size_t end = noise_.find('\n', begin);
      if (end == std::string::npos) return false;
      scanned_ = end + 1;
      if (!OnTextMarker(std::string_view(noise_).substr(begin, end - begin))) {
        return false;
      }
      continue;
    }
    if (agent_at == std::string::npos) {
      // Both markers are short: keep as much as one could have begun in.
      const size_t keep = std::max(agent.size(), text.size());
      if (noise_.size() > keep && noise_.size() - keep > scanned_) {
        scanned_ = noise_.size() - keep;
      }
      return false;
    }
    early_ = noise_.substr(agent_at + agent.size());
    established_ = true;
    std::string().swap(noise_);
    std::string().swap(replay_);
    return true;
  }
}

bool BootstrapStream::OnTextMarker(std::string_view line) {
  if (line.substr(0, 5) == "need ") {
    if (++resends_ > kMaxResends) {
      Fail(core::Code::kUnavailable,
           "the first stage asked for too many images");
      return false;
    }
    uname_ = line.substr(5);
    asking_ = true;
    images_->Find(uname_, this);
    asking_ = false;
    return status_.ok();
  }
  // The exit status and the last lines of stderr come with the stream's end.
  if (line.substr(0, 5) == "fail ") line.remove_prefix(5);
  refusal_ = "the first stage found " + Printable(line.substr(0, 200));
  return true;
}

void BootstrapStream::OnImage(const AgentImage* image) {
  // A target that did not wait for what it has asked for.
  if (established_) return;
  if (image != nullptr) {
    Resend(*image);
  } else {
    Fail(core::Code::kFailedPrecondition,
         "no agent for the target's platform: " +
             Printable(uname_.substr(0, 100)));
  }
  // Nothing comes from the far end that would have the failure read.
  if (!asking_ && !status_.ok()) listener_->OnReadable();
}

void BootstrapStream::Resend(const AgentImage& image) {
  std::string bytes;
  core::Status status = ReadImage(image.packed_fd, &bytes);
  if (!status.ok()) {
    Fail(status.code(), status.message());
    return;
  }
  if (stats_ != nullptr) ++stats_->bootstrap_round_trips;
  images_->TrimForAnother(&replay_);
  // What is left of the first flight is skipped by the target with the rest.
  ahead_ = ResendHeader(nonce_, bytes.size()) + bytes + replay_;
  ahead_written_ = 0;
  inner_->WantWrite(true);
}

void BootstrapStream::Fail(core::Code code, std::string message) {
  if (status_.ok()) status_ = core::Status(code, std::move(message));
}

core::Status BootstrapStream::status() const {
  return status_.ok() ? inner_->status() : status_;
}

const char* BootstrapStream::phase() const {
  if (established_) return "handshake";
  // What the stream below takes for its user's bytes is the first stage's.
  const char* const inner = inner_->phase();
  return strcmp(inner, "call") == 0 ? "first stage" : inner;
}

std::string BootstrapStream::tail() const {
  std::string text = inner_->tail();
  const std::string noise = NoiseTail();
  if (!noise.empty()) core::Append(&text, {text.empty() ? "" : " | ", noise});
  return text;
}

std::string BootstrapStream::NoiseTail() const {
  std::string_view tail = noise_;
  while (!tail.empty() && (tail.back() == '\n' || tail.back() == '\r')) {
    tail.remove_suffix(1);
  }
  if (tail.size() > kNoiseTailBytes) {
    tail.remove_prefix(tail.size() - kNoiseTailBytes);
  }
  return Printable(tail);
}

}  // namespace ramet::parent
