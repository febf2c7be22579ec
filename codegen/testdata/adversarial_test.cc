#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "codegen/testdata/comments.ramet.h"
#include "codegen/testdata/conflicts.ramet.h"
#include "codegen/testdata/imports.ramet.h"
#include "codegen/testdata/keywords.ramet.h"
#include "codegen/testdata/messages_only.ramet.h"
#include "codegen/testdata/nested.ramet.h"
#include "codegen/testdata/no_package.ramet.h"
#include "codegen/testdata/odd-name.v1.ramet.h"
#include "codegen/testdata/proto2.ramet.h"
#include "codegen/testdata/streams.ramet.h"
#include "stub/loopback_channel.h"

namespace ramet {
namespace {

using stub::CallContext;
using stub::LoopbackChannel;

// A channel that fails every call with the method's path.
class PathChannel : public stub::Channel {
 public:
  void StartUnary(std::string method, std::string request,
                  const stub::CallOptions& options,
                  DoneCallback done) override {
    done(absl::AbortedError(method));
  }
  std::shared_ptr<stub::RawCall> StartCall(
      std::string method, const stub::CallOptions& options,
      std::shared_ptr<stub::RawCallListener> listener) override {
    listener->OnEnd({absl::AbortedError(method), {}});
    return nullptr;
  }
};

stub::Context PathContext() {
  return stub::Context(std::make_shared<PathChannel>(), "paths");
}

template <typename Result>
std::string PathOf(const Result& result) {
  return std::string(result.status().message());
}

TEST(KeywordsTest, RenamedMethodsCallTheirPaths) {
  using adversarial::keywords::NULL_;
  adversarial::keywords::classStub stub(PathContext());
  const std::string prefix = "/adversarial.keywords.class/";
  EXPECT_EQ(PathOf(stub.delete_(adversarial::keywords::delete_())),
            prefix + "delete");
  EXPECT_EQ(PathOf(stub.new_(NULL_())), prefix + "new");
  EXPECT_EQ(PathOf(stub.operator_(NULL_())), prefix + "operator");
  EXPECT_EQ(PathOf(stub.co_await_(NULL_())), prefix + "co_await");
  EXPECT_EQ(PathOf(stub.NULL_(adversarial::keywords::NULL_())),
            prefix + "NULL");
  EXPECT_EQ(PathOf(stub.errno_(NULL_())), prefix + "errno");
  EXPECT_EQ(PathOf(stub.assert_(NULL_())), prefix + "assert");
  EXPECT_EQ(PathOf(stub.stdout_(NULL_())), prefix + "stdout");
  EXPECT_EQ(PathOf(stub.RametCall_(NULL_())), prefix + "RametCall");
  EXPECT_EQ(PathOf(stub.ramet_context__(NULL_())), prefix + "ramet_context_");
  EXPECT_EQ(PathOf(stub.Startdelete(adversarial::keywords::delete_()).Wait()),
            prefix + "delete");
}

TEST(KeywordsTest, MethodWithTheNameThatARenamedOneWantsKeepsIt) {
  adversarial::keywords::namespaceStub stub(PathContext());
  const adversarial::keywords::NULL_ request;
  EXPECT_EQ(PathOf(stub.default_(request)),
            "/adversarial.keywords.namespace/default_");
  EXPECT_EQ(PathOf(stub.default__(request)),
            "/adversarial.keywords.namespace/default");
}

TEST(ConflictsTest, ClassesGiveWayToMessagesEnumsAndNamespaces) {
  namespace conflicts = adversarial::conflicts;
  const conflicts::Context request;
  const std::string prefix = "/adversarial.conflicts.";
  EXPECT_EQ(PathOf(conflicts::GreeterStub_(PathContext()).SayHello(request)),
            prefix + "Greeter/SayHello");
  EXPECT_EQ(PathOf(conflicts::Outer_ThingStub_(PathContext()).Do(request)),
            prefix + "Outer_Thing/Do");
  EXPECT_EQ(PathOf(conflicts::ClockStub_(PathContext()).Now(request)),
            prefix + "Clock/Now");
  EXPECT_EQ(PathOf(conflicts::TimerStub_(PathContext()).Set(request)),
            prefix + "Timer/Set");
  EXPECT_EQ(
      PathOf(conflicts::FarStub_(PathContext()).Away(conflicts::FarStub())),
      prefix + "Far/Away");
  EXPECT_EQ(PathOf(conflicts::StubStub(PathContext()).Stub(request)),
            prefix + "Stub/Stub");
}

TEST(ConflictsTest, AsyncFormsGiveWayToBlockingMethods) {
  adversarial::conflicts::GreeterStub_ stub(PathContext());
  const adversarial::conflicts::Context request;
  const std::string prefix = "/adversarial.conflicts.Greeter/";
  EXPECT_EQ(PathOf(stub.StartSayHello(request)), prefix + "StartSayHello");
  EXPECT_EQ(PathOf(stub.StartSayHello_(request).Wait()), prefix + "SayHello");
  EXPECT_EQ(PathOf(stub.StartStartSayHello_(request).Wait()),
            prefix + "StartSayHello");
  EXPECT_EQ(PathOf(stub.GreeterStub(request)), prefix + "GreeterStub");
  EXPECT_EQ(PathOf(stub.absl(adversarial::conflicts::Status())),
            prefix + "absl");
}

class ConflictsImpl : public adversarial::conflicts::GreeterService_ {
 public:
  absl::Status SayHello(const CallContext&,
                        const adversarial::conflicts::Context&,
                        adversarial::conflicts::Status*) override {
    return absl::DataLossError("SayHello");
  }
  absl::Status StartSayHello(const CallContext&,
                             const adversarial::conflicts::Context&,
                             adversarial::conflicts::Status*) override {
    return absl::DataLossError("StartSayHello");
  }
};

TEST(ConflictsTest, ServiceDispatchesToTheRightMethod) {
  adversarial::conflicts::GreeterStub_ stub(
      LoopbackChannel::ContextFor(std::make_unique<ConflictsImpl>()));
  const adversarial::conflicts::Context request;
  EXPECT_EQ(PathOf(stub.SayHello(request)), "SayHello");
  EXPECT_EQ(PathOf(stub.StartSayHello(request)), "StartSayHello");
  const auto unimplemented = stub.GreeterStub(request);
  EXPECT_EQ(unimplemented.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(PathOf(unimplemented),
            "/adversarial.conflicts.Greeter/GreeterStub is not implemented");
}

class ImportsImpl : public adversarial::imports::ImportsService {
 public:
  absl::Status Theirs(const CallContext& context,
                      const adversarial::other::Request& request,
                      adversarial::other::Reply* reply) override {
    reply->set_number(request.number() + 1);
    return absl::OkStatus();
  }
  absl::Status Add(const CallContext& context,
                   const google::protobuf::Timestamp& request,
                   google::protobuf::Duration* reply) override {
    reply->set_seconds(request.seconds() + 1);
    return absl::OkStatus();
  }
};

TEST(ImportsTest, TypesOfOtherPackagesAndWellKnownOnesGoThroughACall) {
  adversarial::imports::ImportsStub stub(
      LoopbackChannel::ContextFor(std::make_unique<ImportsImpl>()));
  adversarial::other::Request request;
  request.set_number(41);
  auto reply = stub.Theirs(request);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->number(), 42);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(1);
  auto duration = stub.StartAdd(timestamp).Wait();
  ASSERT_TRUE(duration.ok()) << duration.status();
  EXPECT_EQ(duration->seconds(), 2);
}

TEST(ImportsTest, PoliciesComeFromTheOptions) {
  const stub::ServiceInfo& info = ImportsImpl().RametInfo();
  ASSERT_EQ(info.method_count, 7u);
  EXPECT_EQ(std::string(info.name), "adversarial.imports.Imports");
  EXPECT_EQ(info.methods[0].policy, stub::Policy::kParents);
  EXPECT_EQ(info.methods[1].policy, stub::Policy::kAny);
  EXPECT_EQ(info.methods[2].policy, stub::Policy::kSelf);
  EXPECT_EQ(info.methods[3].policy, stub::Policy::kParents);
}

TEST(NestedTest, NestedTypesInADeepPackageCompile) {
  namespace deep = adversarial::ramet::stub::absl::google::protobuf;
  deep::NestedStub stub(PathContext());
  EXPECT_EQ(PathOf(stub.Flip(deep::Outer_Middle())),
            "/adversarial.ramet.stub.absl.google.protobuf.Nested/Flip");
  EXPECT_EQ(deep::IdleService().RametInfo().method_count, 0u);
}

TEST(NoPackageTest, ClassesAreGlobal) {
  NoPackageStub stub(PathContext());
  EXPECT_EQ(PathOf(stub.Shout(NoPackageRequest())), "/NoPackage/Shout");
}

TEST(Proto2Test, MissingRequiredFieldIsTheCallersFault) {
  adversarial::proto2::Proto2Stub_ stub(PathContext());
  const auto result = stub.Check(adversarial::proto2::Strict());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
}

namespace streams = adversarial::streams;

// Keeps what it hears; for streams that end within their start.
template <typename Reply>
class EndListener : public stub::StreamListener<Reply> {
 public:
  void OnReply(Reply, stub::MessageCredit) override { ++replies; }
  void OnEnd(stub::CallEnd end) override { status = end.status; }

  int replies = 0;
  absl::Status status;
};

TEST(StreamsTest, AllKindsCallTheirPaths) {
  streams::StreamsStub stub(PathContext());
  const std::string prefix = "/adversarial.streams.Streams/";
  const auto message = [](const absl::Status& status) {
    return std::string(status.message());
  };
  EXPECT_EQ(message(stub.List(streams::Word()).Finish()), prefix + "List");
  EXPECT_EQ(PathOf(stub.Join().Finish()), prefix + "Join");
  EXPECT_EQ(message(stub.Chat().Finish()), prefix + "Chat");
  EXPECT_EQ(message(stub.ServerStream(streams::ServerStream()).Finish()),
            prefix + "ServerStream");
  EXPECT_EQ(PathOf(stub.StreamCall().Finish()), prefix + "StreamCall");
  EXPECT_EQ(message(stub.RametStream_().Finish()), prefix + "RametStream");
  EXPECT_EQ(PathOf(stub.listener().Finish()), prefix + "listener");
  EXPECT_EQ(message(stub.stream().Finish()), prefix + "stream");
  EXPECT_EQ(PathOf(stub.requests().Finish()), prefix + "requests");
  EXPECT_EQ(message(stub.replies(streams::Word()).Finish()),
            prefix + "replies");
  EXPECT_EQ(message(stub.delete_().Finish()), prefix + "delete");

  auto listener = std::make_shared<EndListener<streams::Word>>();
  stub.StartList_(streams::Word(), listener);
  EXPECT_EQ(message(listener->status), prefix + "List");
  stub.StartJoin(listener);
  EXPECT_EQ(message(listener->status), prefix + "Join");
  stub.StartChat(listener);
  EXPECT_EQ(message(listener->status), prefix + "Chat");
}

TEST(StreamsTest, KindsAreInTheMethodTable) {
  const stub::ServiceInfo& info = streams::StreamsService().RametInfo();
  EXPECT_EQ(info.methods[0].kind, stub::MethodKind::kUnary);
  EXPECT_EQ(info.methods[1].kind, stub::MethodKind::kServerStreaming);
  EXPECT_EQ(info.methods[2].kind, stub::MethodKind::kClientStreaming);
  EXPECT_EQ(info.methods[2].policy, stub::Policy::kAny);
  EXPECT_EQ(info.methods[3].kind, stub::MethodKind::kBidiStreaming);
}

class StreamsImpl : public streams::StreamsService {
 public:
  absl::Status List(const CallContext& context, const streams::Word& request,
                    stub::ServerWriter<streams::Word>* replies) override {
    for (const char letter : request.text()) {
      streams::Word word;
      word.set_text(std::string(1, letter));
      if (!replies->Write(word)) break;
    }
    return absl::OkStatus();
  }
  absl::Status Join(const CallContext& context,
                    stub::ServerReader<streams::Word>* requests,
                    streams::Word* reply) override {
    streams::Word word;
    while (requests->Read(&word)) {
      reply->set_text(reply->text() + word.text());
    }
    return absl::OkStatus();
  }
  absl::Status Chat(
      const CallContext& context,
      stub::ServerReaderWriter<streams::Word, streams::Word>* stream) override {
    streams::Word word;
    while (stream->Read(&word)) {
      word.set_text(word.text() + "!");
      if (!stream->Write(word)) break;
    }
    return absl::OkStatus();
  }
};

TEST(StreamsTest, ServiceDispatchesEachKind) {
  streams::StreamsStub stub(
      LoopbackChannel::ContextFor(std::make_unique<StreamsImpl>()));
  streams::Word word;
  word.set_text("abc");
  std::string letters;
  auto list = stub.List(word);
  while (list.Read(&word)) letters += word.text() + ",";
  EXPECT_TRUE(list.Finish().ok());
  EXPECT_EQ(letters, "a,b,c,");

  auto join = stub.Join();
  EXPECT_TRUE(join.Write(word));
  EXPECT_TRUE(join.Write(word));
  const auto joined = join.Finish();
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_EQ(joined->text(), "cc");

  auto chat = stub.Chat();
  for (int i = 0; i < 3; ++i) {
    word.set_text(std::to_string(i));
    ASSERT_TRUE(chat.Write(word));
    ASSERT_TRUE(chat.Read(&word));
    EXPECT_EQ(word.text(), std::to_string(i) + "!");
  }
  chat.WritesDone();
  EXPECT_FALSE(chat.Read(&word));
  EXPECT_TRUE(chat.Finish().ok());

  const absl::Status unimplemented = stub.stream().Finish();
  EXPECT_EQ(unimplemented.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(unimplemented.message(),
            "/adversarial.streams.Streams/stream is not implemented");
}

}  // namespace
}  // namespace ramet
