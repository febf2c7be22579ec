#ifndef IMPORTER_LINE_READER_H_
#define IMPORTER_LINE_READER_H_

#include <functional>
#include <string>
#include <string_view>

#include "core/base/unique_fd.h"
#include "core/loop/event_loop.h"

namespace ramet::importer {

// Reads a pipe line by line: what a module and its subprocesses print. A line
// longer than kMaxLineBytes is cut into several; the last one is given even
// when it has no end. Owns the pipe. Threads: the loop's.
class LineReader final : private core::IoHandler {
 public:
  static constexpr size_t kMaxLineBytes = 4096;
  // Per turn of the loop, so that a flood can't hold it.
  static constexpr size_t kMaxBytesPerTurn = 16 * 1024;

  using LineCallback = std::function<void(std::string_view line)>;

  LineReader(core::EventLoop* loop, core::UniqueFd pipe, LineCallback on_line);
  ~LineReader() override;

  // Takes what is in the pipe now, the last partial line included.
  void Drain();

 private:
  void OnReady(uint32_t events) override;
  // False at the end of the pipe, and when there is nothing to read.
  bool ReadOnce();
  void TakeLines();
  void Close();

  core::EventLoop* const loop_;
  core::UniqueFd pipe_;
  const LineCallback on_line_;
  std::string partial_;
};

}  // namespace ramet::importer

#endif  // IMPORTER_LINE_READER_H_
