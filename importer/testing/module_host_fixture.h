#ifndef IMPORTER_TESTING_MODULE_HOST_FIXTURE_H_
#define IMPORTER_TESTING_MODULE_HOST_FIXTURE_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <zlib.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/base/sha256.h"
#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "importer/image_cache.h"
#include "importer/module_courier.h"
#include "importer/module_host.h"

namespace ramet::importer {

using core::Code;
using core::ContextId;
using core::FrameHeader;
using core::HandleId;
using core::RawPeer;

inline constexpr char kPlatform[] = "linux-x86_64";
inline constexpr ContextId kSelf = 3;
inline constexpr ContextId kChild = 7;
inline constexpr uint32_t kPolicyAny = 1;

// Context 3 ("web1") below the master, with a child 7 and a module that takes
// every call and answers none.
class ModuleHostTest : public testing::Test, private ModuleCourier::Local {
 protected:
  ModuleHostTest() {
    signal(SIGPIPE, SIG_IGN);   // as the agent has it
    context_.SetLossExplainer(  // like parent::ChildStarter's
        [](const core::Link* link, const core::Status& why) {
          return core::Status(
              why.ok() ? Code::kUnavailable : why.code(),
              "context lost: " + link->name() + " (phase call): " +
                  (why.ok() ? "closed by the other side" : why.message()));
        });
    context_.router().SetSelf(kSelf, "web1");
    context_.SetAncestors({core::kMasterId});
    context_.ids().Add(100, 100);
    core::MemoryNetwork::Pair up = network_.MakePair();
    context_.router().AddParent(std::move(up.a), core::kMasterId);
    parent_ = std::make_unique<RawPeer>(std::move(up.b));
    core::MemoryNetwork::Pair down = network_.MakePair();
    context_.router().AddChild(std::move(down.a), kChild, "child");
    child_ = std::make_unique<RawPeer>(std::move(down.b));
    context_.SetHandler(core::kCallFunction, core::Context::Access::kAnyone,
                        [this](core::Link* from, const FrameHeader& header,
                               std::string_view payload) {
                          host_.OnCallFrame(from, header, payload);
                        });
    Load("#!/bin/sh\nexec cat <&3 >/dev/null\n");
  }

  // Gives the context a module; `change` sees its announcement. `*travels`: the
  // image as it travels.
  void Load(const std::string& image,
            const std::function<void(core::LoadModule*)>& change = nullptr,
            std::string* travels = nullptr) {
    uLongf size = compressBound(image.size());
    std::string deflated(size, '\0');
    EXPECT_EQ(
        compress(reinterpret_cast<Bytef*>(deflated.data()), &size,
                 reinterpret_cast<const Bytef*>(image.data()), image.size()),
        Z_OK);
    deflated.resize(size);
    core::LoadModule load;
    load.name = "m";
    load.platform = kPlatform;
    load.digest = core::Sha256Digest(deflated);
    load.deflated_bytes = deflated.size();
    load.image_bytes = image.size();
    load.services.push_back({"a.A", {{"Any", kPolicyAny}}});
    if (change) change(&load);
    if (travels != nullptr) *travels = deflated;
    core::ModuleNotice notice;
    notice.module = core::SerializeControl(load);
    (void)images_.Append(images_.Add(load.digest), load.deflated_bytes, 0,
                         deflated);
    store_.OnAnnounced(notice);
  }

  void Send(RawPeer* peer, ContextId src, HandleId reply_to,
            const std::string& payload) {
    FrameHeader header;
    header.dst_id = kSelf;
    header.src_id = header.auth_id = src;
    header.handle = core::kCallFunction;
    header.reply_to = reply_to;
    peer->Send(header, payload);
    network_.Settle();
  }
  static std::string Payload(void (*fill)(core::PartWriter*)) {
    std::string payload;
    core::PartWriter writer(
        [&](std::string_view bytes) { payload.append(bytes); });
    fill(&writer);
    writer.Flush();
    return payload;
  }
  // Begins a call, which never ends.
  void Begin(RawPeer* peer, ContextId src, HandleId reply_to,
             const std::string& method = "/a.A/Any") {
    std::string payload;
    core::PartWriter writer(
        [&](std::string_view bytes) { payload.append(bytes); });
    core::CallHeaders headers;
    headers.method = method;
    writer.AddHeaders(core::SerializeControl(headers));
    writer.Flush();
    Send(peer, src, reply_to, payload);
  }
  void Cancel(RawPeer* peer, ContextId src, HandleId reply_to) {
    Send(peer, src, reply_to,
         Payload([](core::PartWriter* writer) { writer->AddCancel(); }));
  }
  // How a call at `reply_to` was refused or ended; OK: it was not.
  static core::Status Ended(RawPeer* peer, HandleId reply_to) {
    for (const core::RawFrame& frame : peer->TakeFrames()) {
      if (frame.header.handle != reply_to) continue;
      core::Dead dead;
      EXPECT_TRUE(frame.header.dead());
      EXPECT_TRUE(core::ParseControl(frame.payload, &dead));
      return core::Status(core::CodeFromNumber(dead.code), dead.message);
    }
    return core::Status();
  }
  static Code Refusal(RawPeer* peer, HandleId reply_to) {
    return Ended(peer, reply_to).code();
  }

  void OnNotice(const core::ModuleNotice& notice) override {
    if (notice.code == 0) store_.OnAnnounced(notice);
    host_.RetryHeld();
  }
  void OnImage(std::string_view digest, const core::Status& status) override {
    if (status.ok()) store_.OnArrived(digest);
    store_.SetFailure(digest, status);
    host_.RetryHeld();
    if (!status.ok()) store_.SetFailure(digest, core::Status());
  }
  void OnAsked(const core::ModuleNotice&) override {}

  // The parent says that nobody serves `name`.
  void AnswerUnknown(const std::string& name) {
    FrameHeader header;
    header.dst_id = kSelf;
    header.handle = core::kForwardModule;
    core::ModuleNotice unknown;
    unknown.kind = core::ModuleNotice::kService;
    unknown.target = kSelf;
    unknown.name = name;
    unknown.code = static_cast<uint32_t>(Code::kUnimplemented);
    parent_->Send(header, core::SerializeControl(unknown));
    network_.Settle();
  }

  // The parent says that what was unknown may be known now.
  void Forget() {
    FrameHeader header;
    header.dst_id = kSelf;
    header.handle = core::kForwardModule;
    core::ModuleNotice forget;
    forget.kind = core::ModuleNotice::kForget;
    parent_->Send(header, core::SerializeControl(forget));
    network_.Settle();
  }

  // The parent says that `id`, beside this context, is lost.
  void Lose(ContextId id) {
    FrameHeader header;
    header.dst_id = kSelf;
    header.handle = core::kDelRoute;
    parent_->Send(header,
                  core::SerializeControl(core::DelRoute{id, 14, "lost"}));
    network_.Settle();
  }
  // Frames that went to the module.
  uint64_t FramesToModule() {
    for (const core::LinkInfo& link : context_.router().ReportLinks().links) {
      if (link.name == "module m") return link.frames_out;
    }
    return 0;
  }

  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  core::Context context_{&loop_};
  ImageCache images_;
  ModuleCourier courier_{&context_, &images_, this};
  ModuleStore store_{kPlatform, &courier_};
  ModuleHost host_{&context_, &store_};
  std::unique_ptr<RawPeer> parent_;
  std::unique_ptr<RawPeer> child_;
};

}  // namespace ramet::importer

#endif  // IMPORTER_TESTING_MODULE_HOST_FIXTURE_H_
