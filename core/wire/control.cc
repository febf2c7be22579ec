#include "core/wire/control.h"

#include <type_traits>

#include "core/wire/proto_wire.h"

namespace ramet::core {
namespace {

// One list of fields per message serves both directions: `visit(number,
// field)` writes the field, or reads it when its number is the one at hand.

template <typename M, typename V>
void Fields(M& m, V& visit, const Hello*) {
  visit(1, m.version);
  visit(2, m.child_id);
  visit(3, m.ancestor_ids);
  visit(4, m.grant_first);
  visit(5, m.grant_count);
  visit(6, m.name);
  visit(7, m.parent_name);
  visit(8, m.max_message_bytes);
  visit(9, m.heartbeat_interval_ms);
  visit(10, m.heartbeat_count);
  visit(11, m.unidirectional);
  visit(12, m.log_level);
  visit(13, m.cache_dir);
  visit(14, m.image_cache_bytes);
  visit(15, m.module_locks);
  visit(16, m.cache_mib);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const HelloReply*) {
  visit(1, m.version);
  visit(2, m.platform);
  visit(3, m.hostname);
  visit(4, m.pid);
  visit(5, m.uid);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const Dead*) {
  visit(1, m.code);
  visit(2, m.message);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const AddRoute*) {
  visit(1, m.id);
  visit(2, m.name);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const DelRoute*) {
  visit(1, m.id);
  visit(2, m.code);
  visit(3, m.reason);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const AllocateId*) {
  visit(1, m.count);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const Grant*) {
  visit(1, m.first);
  visit(2, m.count);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const Shutdown*) {
  visit(1, m.grace_ms);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const ForwardLog*) {
  visit(1, m.level);
  visit(2, m.source);
  visit(3, m.text);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const ModuleMethod*) {
  visit(1, m.name);
  visit(2, m.policy);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const ModuleService*) {
  visit(1, m.name);
  visit(2, m.methods);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const ModuleNotice*) {
  visit(1, m.kind);
  visit(2, m.target);
  visit(3, m.name);
  visit(4, m.digest);
  visit(5, m.code);
  visit(6, m.module);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const LoadModule*) {
  visit(1, m.name);
  visit(2, m.digest);
  visit(3, m.platform);
  visit(4, m.deflated_bytes);
  visit(5, m.image_bytes);
  visit(6, m.services);
  visit(10, m.environment);
  visit(11, m.idle_ms);
  visit(12, m.memory_bytes);
  visit(13, m.base);
  visit(14, m.patch_bytes);
  visit(15, m.image_digest);
  visit(16, m.statement);
  visit(17, m.signature);
  visit(18, m.signer);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const Metadata*) {
  visit(1, m.key);
  visit(2, m.value);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const CallHeaders*) {
  visit(1, m.method);
  visit(2, m.timeout_us);
  visit(3, m.metadata);
  visit(4, m.chain_id);
  visit(5, m.chain_epoch);
  visit(6, m.chain_index);
  visit(7, m.chain_known_ok);
  visit(8, m.encoding);
  visit(9, m.accepted_encodings);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const AnswerHeaders*) {
  visit(1, m.metadata);
  visit(2, m.encoding);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const CallTrailers*) {
  visit(1, m.code);
  visit(2, m.message);
  visit(3, m.details);
  visit(4, m.metadata);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const SshOptions*) {
  visit(1, m.identity_files);
  visit(2, m.known_hosts);
  visit(3, m.config_file);
  visit(4, m.host_key_check);
  visit(5, m.transport);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const StartChildRequest*) {
  visit(1, m.hop);
  visit(2, m.ssh);
  visit(3, m.timeout_ms);
  visit(4, m.hop_number);
  visit(5, m.name);
  visit(6, m.cache_dir);
  visit(7, m.platform);
  visit(8, m.module_locks);
  visit(9, m.cache_mib);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const StartChildReply*) {
  visit(1, m.id);
  visit(2, m.hello);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const StopChildRequest*) {
  visit(1, m.id);
}

template <typename M, typename V>
void Fields(M&, V&, const StopChildReply*) {}

template <typename M, typename V>
void Fields(M&, V&, const LinksRequest*) {}

template <typename M, typename V>
void Fields(M& m, V& visit, const LinkInfo*) {
  visit(1, m.peer_id);
  visit(2, m.name);
  visit(3, m.frames_in);
  visit(4, m.frames_out);
  visit(5, m.bytes_in);
  visit(6, m.bytes_out);
  visit(7, m.refused_sources);
  visit(8, m.refused_routes);
  visit(9, m.refused_full);
  visit(10, m.queued_bytes);
  visit(11, m.queue_high_water_bytes);
  visit(12, m.slowed);
}

template <typename M, typename V>
void Fields(M& m, V& visit, const LinksReply*) {
  visit(1, m.links);
}

class Encoder {
 public:
  explicit Encoder(std::string* out) : out_(out) {}

  // proto3: a scalar of its default value is not written.
  void operator()(uint32_t number, uint64_t value) {
    if (value != 0) AppendVarintField(out_, number, value);
  }
  void operator()(uint32_t number, const std::string& value) {
    if (!value.empty()) AppendBytesField(out_, number, value);
  }
  void operator()(uint32_t number, const std::vector<uint32_t>& values) {
    if (values.empty()) return;
    std::string packed;
    for (uint32_t value : values) AppendVarint(&packed, value);
    AppendBytesField(out_, number, packed);
  }
  void operator()(uint32_t number, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      AppendBytesField(out_, number, value);
    }
  }
  template <typename M>
  void operator()(uint32_t number, const std::vector<M>& messages) {
    for (const M& message : messages) {
      AppendBytesField(out_, number, SerializeControl(message));
    }
  }
  template <typename M, typename = std::enable_if_t<std::is_class<M>::value>>
  void operator()(uint32_t number, const M& message) {
    AppendBytesField(out_, number, SerializeControl(message));
  }

 private:
  std::string* const out_;
};

// Gives the field at hand to the member with its number, if the types fit;
// every other field is skipped.
class Decoder {
 public:
  explicit Decoder(const FieldReader& field) : field_(field) {}

  bool ok() const { return ok_; }

  void operator()(uint32_t number, uint32_t& value) {
    if (Is(number, WireType::kVarint)) {
      value = static_cast<uint32_t>(field_.varint());
    }
  }
  void operator()(uint32_t number, uint64_t& value) {
    if (Is(number, WireType::kVarint)) value = field_.varint();
  }
  void operator()(uint32_t number, std::string& value) {
    if (Is(number, WireType::kBytes)) value.assign(field_.bytes());
  }
  void operator()(uint32_t number, std::vector<uint32_t>& values) {
    if (Is(number, WireType::kVarint)) {
      values.push_back(static_cast<uint32_t>(field_.varint()));
    }
    if (!Is(number, WireType::kBytes)) return;
    std::string_view packed = field_.bytes();
    uint64_t value = 0;
    while (!packed.empty()) {
      if (!TakeVarint(&packed, &value)) {
        ok_ = false;
        return;
      }
      values.push_back(static_cast<uint32_t>(value));
    }
  }
  void operator()(uint32_t number, std::vector<std::string>& values) {
    if (Is(number, WireType::kBytes)) values.emplace_back(field_.bytes());
  }
  template <typename M>
  void operator()(uint32_t number, std::vector<M>& messages) {
    if (!Is(number, WireType::kBytes)) return;
    messages.emplace_back();
    ok_ = ParseControl(field_.bytes(), &messages.back());
  }
  template <typename M, typename = std::enable_if_t<std::is_class<M>::value>>
  void operator()(uint32_t number, M& message) {
    if (Is(number, WireType::kBytes)) {
      ok_ = ParseControl(field_.bytes(), &message);
    }
  }

 private:
  bool Is(uint32_t number, WireType type) const {
    return field_.number() == number && field_.type() == type;
  }

  const FieldReader& field_;
  bool ok_ = true;
};

}  // namespace

template <typename Message>
std::string SerializeControl(const Message& message) {
  std::string out;
  Encoder encoder(&out);
  Fields(message, encoder, static_cast<const Message*>(nullptr));
  return out;
}

template <typename Message>
bool ParseControl(std::string_view bytes, Message* message) {
  FieldReader field(bytes);
  while (field.Next()) {
    Decoder decoder(field);
    Fields(*message, decoder, static_cast<const Message*>(nullptr));
    if (!decoder.ok()) return false;
  }
  return field.ok();
}

#define RAMET_CONTROL_MESSAGE(M)                   \
  template std::string SerializeControl(const M&); \
  template bool ParseControl(std::string_view, M*)

RAMET_CONTROL_MESSAGE(Hello);
RAMET_CONTROL_MESSAGE(HelloReply);
RAMET_CONTROL_MESSAGE(Dead);
RAMET_CONTROL_MESSAGE(AddRoute);
RAMET_CONTROL_MESSAGE(DelRoute);
RAMET_CONTROL_MESSAGE(AllocateId);
RAMET_CONTROL_MESSAGE(Grant);
RAMET_CONTROL_MESSAGE(Shutdown);
RAMET_CONTROL_MESSAGE(ForwardLog);
RAMET_CONTROL_MESSAGE(ModuleMethod);
RAMET_CONTROL_MESSAGE(ModuleService);
RAMET_CONTROL_MESSAGE(ModuleNotice);
RAMET_CONTROL_MESSAGE(LoadModule);
RAMET_CONTROL_MESSAGE(Metadata);
RAMET_CONTROL_MESSAGE(CallHeaders);
RAMET_CONTROL_MESSAGE(AnswerHeaders);
RAMET_CONTROL_MESSAGE(CallTrailers);
RAMET_CONTROL_MESSAGE(SshOptions);
RAMET_CONTROL_MESSAGE(StartChildRequest);
RAMET_CONTROL_MESSAGE(StartChildReply);
RAMET_CONTROL_MESSAGE(StopChildRequest);
RAMET_CONTROL_MESSAGE(StopChildReply);
RAMET_CONTROL_MESSAGE(LinksRequest);
RAMET_CONTROL_MESSAGE(LinkInfo);
RAMET_CONTROL_MESSAGE(LinksReply);
#undef RAMET_CONTROL_MESSAGE

}  // namespace ramet::core
