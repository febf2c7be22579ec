#include "stub/module_hello.h"

#include <poll.h>
#include <unistd.h>

#include <string_view>

#include "core/wire/frame_header.h"
#include "stub/broken_link.h"

namespace ramet::stub {
namespace {

#if defined(__x86_64__)
constexpr char kPlatform[] = "linux-x86_64";
#elif defined(__aarch64__)
constexpr char kPlatform[] = "linux-aarch64";
#else
#error "no name for this platform"
#endif

void FirstFrame(int link_fd, FrameReader* reader, core::FrameHeader* header,
                std::string_view* payload) {
  for (;;) {
    switch (reader->Next(header, payload)) {
      case FrameReader::NextResult::kFrame:
        return;
      case FrameReader::NextResult::kMalformed:
        BrokenLink("%s", reader->problem());
      case FrameReader::NextResult::kNone:
        break;
    }
    pollfd readable = {link_fd, POLLIN, 0};
    poll(&readable, 1, -1);
    if (reader->Read() == FrameReader::ReadResult::kEnd) ExitAtOnce(0);
  }
}

bool Answer(const core::Hello& hello, FrameWriter* writer) {
  char hostname[256] = "";
  gethostname(hostname, sizeof hostname - 1);
  core::HelloReply reply;
  reply.version = core::kProtocolVersion;
  reply.platform = kPlatform;
  reply.hostname = hostname;
  reply.pid = static_cast<uint32_t>(getpid());
  reply.uid = geteuid();
  core::FrameHeader header;
  header.dst_id = hello.ancestor_ids.front();
  header.src_id = hello.child_id;
  header.auth_id = hello.child_id;
  header.handle = core::kHello;
  return writer->Write(header, core::SerializeControl(reply));
}

}  // namespace

core::Hello GreetParent(int link_fd, FrameReader* reader, FrameWriter* writer) {
  core::FrameHeader header;
  std::string_view payload;
  FirstFrame(link_fd, reader, &header, &payload);
  core::Hello hello;
  if (header.handle != core::kHello || !core::ParseControl(payload, &hello) ||
      hello.ancestor_ids.empty()) {
    BrokenLink("the first frame is no hello: %s", header.ToString().c_str());
  }
  if (!Answer(hello, writer)) ExitAtOnce(0);
  if (hello.version != core::kProtocolVersion) {
    BrokenLink("the parent speaks protocol version %u, this module %u",
               hello.version, core::kProtocolVersion);
  }
  return hello;
}

}  // namespace ramet::stub
