#include "core/wire/control.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "core/wire/proto_wire.h"
#include "ramet/control.pb.h"

namespace ramet::core {
namespace {

namespace pb = google::protobuf;

constexpr int kRounds = 200;

// Fills every field with values at and around the borders of their encoding.
class Filler {
 public:
  explicit Filler(uint32_t seed, bool ascii_only = false)
      : ascii_only_(ascii_only), random_(seed) {}

  void Fill(pb::Message* message) {
    const pb::Descriptor& type = *message->GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const pb::FieldDescriptor& field = *type.field(i);
      if (field.is_repeated()) {
        for (uint32_t n = random_() % 4; n > 0; --n) Set(message, field);
      } else {
        Set(message, field);
      }
    }
  }

 private:
  void Set(pb::Message* message, const pb::FieldDescriptor& field) {
    const pb::Reflection& reflection = *message->GetReflection();
    const bool repeated = field.is_repeated();
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_UINT32:
        repeated ? reflection.AddUInt32(message, &field, Number32())
                 : reflection.SetUInt32(message, &field, Number32());
        break;
      case pb::FieldDescriptor::CPPTYPE_UINT64:
        ASSERT_FALSE(repeated);
        reflection.SetUInt64(message, &field,
                             uint64_t{Number32()} << 32 | Number32());
        break;
      case pb::FieldDescriptor::CPPTYPE_STRING:
        repeated ? reflection.AddString(message, &field, Text(field))
                 : reflection.SetString(message, &field, Text(field));
        break;
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        // Always there: the plain structs can't say that one is absent.
        Fill(repeated ? reflection.AddMessage(message, &field)
                      : reflection.MutableMessage(message, &field));
        break;
      default:
        FAIL() << field.full_name() << " has a type that core does not know";
    }
  }

  uint32_t Number32() {
    const uint32_t kBorders[] = {0,          1,         127,   128,
                                 16383,      16384,     65535, 0x7FFFFFFF,
                                 0x80000000, UINT32_MAX};
    return random_() % 4 == 0 ? random_() : kBorders[random_() % 10];
  }

  std::string Text(const pb::FieldDescriptor& field) {
    const size_t kSizes[] = {0, 1, 5, 127, 128, 300};
    std::string text(kSizes[random_() % 6], 'x');
    if (field.type() == pb::FieldDescriptor::TYPE_BYTES) {
      for (char& byte : text) byte = static_cast<char>(random_());
    } else if (!ascii_only_ && !text.empty() && random_() % 2) {
      text += "\u00fc\u20ac";
    }
    return text;
  }

  const bool ascii_only_;
  std::mt19937 random_;
};

std::string ProtobufBytes(const pb::Message& message) {
  std::string bytes;
  {
    pb::io::StringOutputStream stream(&bytes);
    pb::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    EXPECT_TRUE(message.SerializeToCodedStream(&coded));
  }
  return bytes;
}

template <typename Plain, typename Proto>
struct Types {
  using PlainType = Plain;
  using ProtoType = Proto;
};

template <typename T>
class ControlTest : public testing::Test {};

using AllMessages = testing::Types<
    Types<Hello, control::Hello>, Types<HelloReply, control::HelloReply>,
    Types<Dead, control::Dead>, Types<AddRoute, control::AddRoute>,
    Types<DelRoute, control::DelRoute>, Types<AllocateId, control::AllocateId>,
    Types<Grant, control::Grant>, Types<Shutdown, control::Shutdown>,
    Types<ForwardLog, control::ForwardLog>,
    Types<ModuleMethod, control::ModuleMethod>,
    Types<ModuleService, control::ModuleService>,
    Types<ModuleNotice, control::ModuleNotice>,
    Types<LoadModule, control::LoadModule>, Types<Metadata, control::Metadata>,
    Types<CallHeaders, control::CallHeaders>,
    Types<AnswerHeaders, control::AnswerHeaders>,
    Types<CallTrailers, control::CallTrailers>,
    Types<SshOptions, control::SshOptions>,
    Types<StartChildRequest, control::StartChildRequest>,
    Types<StartChildReply, control::StartChildReply>,
    Types<StopChildRequest, control::StopChildRequest>,
    Types<StopChildReply, control::StopChildReply>,
    Types<LinksRequest, control::LinksRequest>,
    Types<LinksReply, control::LinksReply>, Types<LinkInfo, control::LinkInfo>>;
TYPED_TEST_SUITE(ControlTest, AllMessages);

// Protobuf's bytes through the plain struct and back are protobuf's bytes: so
// every field is known, in both directions, with its number and type.
TYPED_TEST(ControlTest, GivesTheBytesThatProtobufGives) {
  using Plain = typename TypeParam::PlainType;
  Filler filler(11);
  for (int round = 0; round < kRounds; ++round) {
    typename TypeParam::ProtoType proto;
    filler.Fill(&proto);
    const std::string bytes = ProtobufBytes(proto);
    Plain plain;
    ASSERT_TRUE(ParseControl(bytes, &plain)) << proto.DebugString();
    ASSERT_EQ(SerializeControl(plain), bytes) << proto.DebugString();
    typename TypeParam::ProtoType again;
    ASSERT_TRUE(again.ParseFromString(SerializeControl(plain)));
    ASSERT_TRUE(pb::util::MessageDifferencer::Equals(again, proto));
  }
}

TYPED_TEST(ControlTest, AnEmptyMessageIsAllDefaults) {
  using Plain = typename TypeParam::PlainType;
  Plain plain;
  ASSERT_TRUE(ParseControl("", &plain));
  EXPECT_EQ(SerializeControl(plain), SerializeControl(Plain()));
  // What protobuf makes of it, too.
  typename TypeParam::ProtoType proto;
  ASSERT_TRUE(proto.ParseFromString(SerializeControl(plain)));
  Plain back;
  ASSERT_TRUE(ParseControl(proto.SerializeAsString(), &back));
  EXPECT_EQ(SerializeControl(back), SerializeControl(Plain()));
}

TYPED_TEST(ControlTest, SkipsUnknownFieldsOfEveryWireType) {
  using Plain = typename TypeParam::PlainType;
  typename TypeParam::ProtoType proto;
  Filler(12).Fill(&proto);
  const std::string known = ProtobufBytes(proto);
  std::string unknown;
  AppendVarintField(&unknown, 1000, 7);
  AppendBytesField(&unknown, 1001, "what a later version says");
  AppendVarint(&unknown, 1002 << 3 | 5);
  unknown += "abcd";
  AppendVarint(&unknown, 1003 << 3 | 1);
  unknown += "abcdefgh";
  Plain plain;
  ASSERT_TRUE(ParseControl(unknown + known + unknown, &plain));
  EXPECT_EQ(SerializeControl(plain), known);
}

TYPED_TEST(ControlTest, SkipsKnownNumbersOfAnotherWireType) {
  std::string bytes;
  for (uint32_t number = 1; number <= 8; ++number) {
    AppendVarint(&bytes, number << 3 | 5);
    bytes += "abcd";
  }
  typename TypeParam::PlainType plain;
  ASSERT_TRUE(ParseControl(bytes, &plain));
  EXPECT_EQ(SerializeControl(plain),
            SerializeControl(typename TypeParam::PlainType()));
}

// Cut off between two fields it is a message, elsewhere it is not: protobuf
// knows.
TYPED_TEST(ControlTest, RefusesCutOffBytesAsProtobufDoes) {
  // Where protobuf would cut characters of UTF-8 in two, and we don't look.
  Filler filler(13, /*ascii_only=*/true);
  for (int round = 0; round < 5; ++round) {
    typename TypeParam::ProtoType proto;
    filler.Fill(&proto);
    const std::string bytes = ProtobufBytes(proto);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string cut = bytes.substr(0, size);
      typename TypeParam::PlainType plain;
      typename TypeParam::ProtoType parsed;
      EXPECT_EQ(ParseControl(cut, &plain), parsed.ParseFromString(cut))
          << size << " of " << bytes.size();
    }
  }
}

TYPED_TEST(ControlTest, RefusesBytesBehindTheMessageThatAreNoField) {
  typename TypeParam::ProtoType proto;
  Filler(14).Fill(&proto);
  for (const char* garbage : {"\x0a\x7f", "\x08", "\x0f", "\x0b",
                              "\x0d"
                              "abc"}) {
    typename TypeParam::PlainType plain;
    EXPECT_FALSE(ParseControl(ProtobufBytes(proto) + garbage, &plain))
        << testing::PrintToString(garbage);
  }
}

TEST(ControlBytesTest, EveryMessageOfTheFileIsCompared) {
  // The number of types above: a new message must be added there.
  EXPECT_EQ(control::Hello::descriptor()->file()->message_type_count(), 25);
}

TEST(ControlBytesTest, AHelloIsThesePinnedBytes) {
  Hello hello;
  hello.version = 1;
  hello.child_id = 300;
  hello.ancestor_ids = {3, 200, 0};
  hello.name = "ssh:web1";
  const char pinned[] =
      "\x08\x01\x10\xac\x02\x1a\x04\x03\xc8\x01\x00\x32\x08ssh:web1";
  EXPECT_EQ(SerializeControl(hello), std::string(pinned, sizeof pinned - 1));
}

TEST(ControlBytesTest, TakesUnpackedNumbersToo) {
  Hello hello;
  ASSERT_TRUE(
      ParseControl(std::string("\x18\x05\x1a\x02\x06\x07\x18\x08"), &hello));
  EXPECT_EQ(hello.ancestor_ids, (std::vector<uint32_t>{5, 6, 7, 8}));
}

TEST(ControlBytesTest, RefusesPackedNumbersThatAreCutOff) {
  Hello hello;
  EXPECT_FALSE(ParseControl("\x1a\x02\x06\x87", &hello));
}

TEST(ControlBytesTest, TheLastOfSeveralValuesCounts) {
  std::string bytes;
  AppendVarintField(&bytes, 1, 7);
  AppendVarintField(&bytes, 1, 9);
  AppendBytesField(&bytes, 2, "first");
  AppendBytesField(&bytes, 2, "second");
  Dead dead;
  ASSERT_TRUE(ParseControl(bytes, &dead));
  EXPECT_EQ(dead.code, 9u);
  EXPECT_EQ(dead.message, "second");
}

TEST(ControlBytesTest, PiecesOfANestedMessageAreMergedAsProtobufDoes) {
  HelloReply first;
  first.platform = "linux-x86_64";
  first.pid = 1;
  HelloReply second;
  second.pid = 2;
  std::string bytes;
  AppendBytesField(&bytes, 2, SerializeControl(first));
  AppendBytesField(&bytes, 2, SerializeControl(second));
  StartChildReply reply;
  ASSERT_TRUE(ParseControl(bytes, &reply));
  control::StartChildReply proto;
  ASSERT_TRUE(proto.ParseFromString(bytes));
  EXPECT_EQ(SerializeControl(reply), ProtobufBytes(proto));
  EXPECT_EQ(reply.hello.platform, "linux-x86_64");
  EXPECT_EQ(reply.hello.pid, 2u);
}

TEST(ControlBytesTest, NumbersThatAreTooWideAreCutAsProtobufDoes) {
  std::string bytes;
  AppendVarintField(&bytes, 1, 0x1'0000'0005);
  Grant grant;
  ASSERT_TRUE(ParseControl(bytes, &grant));
  control::Grant proto;
  ASSERT_TRUE(proto.ParseFromString(bytes));
  EXPECT_EQ(grant.first, proto.first());
}

TEST(ControlBytesTest, ABadMessageWithinAMessageIsRefused) {
  std::string bytes;
  AppendBytesField(&bytes, 6, "\x0a\x7f");
  LoadModule load;
  EXPECT_FALSE(ParseControl(bytes, &load));
  // Also when a good one follows.
  AppendBytesField(&bytes, 6, "");
  EXPECT_FALSE(ParseControl(bytes, &load));
}

}  // namespace
}  // namespace ramet::core
