#include "importer/line_reader.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "core/loop/fd_stream.h"

namespace ramet::importer {

LineReader::LineReader(core::EventLoop* loop, core::UniqueFd pipe,
                       LineCallback on_line)
    : loop_(loop), pipe_(std::move(pipe)), on_line_(std::move(on_line)) {
  core::SetNonBlocking(pipe_.get());
  loop_->Watch(pipe_.get(), EPOLLIN, this);
}

LineReader::~LineReader() { Close(); }

void LineReader::Close() {
  if (!pipe_.valid()) return;
  loop_->Unwatch(pipe_.get());
  pipe_.Reset();
}

void LineReader::Drain() {
  // Bounded by what a pipe can hold, lest a writer that outlives the module
  // keeps us here.
  for (int i = 0; i < 64 && ReadOnce(); ++i) {
  }
  if (!partial_.empty()) {
    on_line_(partial_);
    partial_.clear();
  }
}

void LineReader::OnReady(uint32_t events) { ReadOnce(); }

bool LineReader::ReadOnce() {
  if (!pipe_.valid()) return false;
  char buffer[kMaxBytesPerTurn];
  const ssize_t count = read(pipe_.get(), buffer, sizeof buffer);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (count <= 0) {
    Close();
    if (!partial_.empty()) on_line_(partial_);
    partial_.clear();
    return false;
  }
  partial_.append(buffer, count);
  TakeLines();
  return true;
}

void LineReader::TakeLines() {
  size_t begin = 0;
  for (;;) {
    const size_t end = partial_.find('\n', begin);
    const size_t length =
        (end == std::string::npos ? partial_.size() : end) - begin;
    if (length > kMaxLineBytes) {
      on_line_(std::string_view(partial_).substr(begin, kMaxLineBytes));
      begin += kMaxLineBytes;
      continue;
    }
    if (end == std::string::npos) break;
    on_line_(std::string_view(partial_).substr(begin, length));
    begin = end + 1;
  }
  partial_.erase(0, begin);
}

}  // namespace ramet::importer
