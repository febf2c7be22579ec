#include "core/wire/control.h"

#include <pb_decode.h>
#include <pb_encode.h>

#include <type_traits>

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
void Fields(M& m, V& visit, const LoadModule*) {
  visit(1, m.name);
  visit(2, m.digest);
  visit(3, m.platform);
  visit(4, m.deflated_bytes);
  visit(5, m.image_bytes);
  visit(6, m.services);
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

bool AppendBytes(pb_ostream_t* stream, const pb_byte_t* bytes, size_t count) {
  static_cast<std::string*>(stream->state)
      ->append(reinterpret_cast<const char*>(bytes), count);
  return true;
}

pb_ostream_t StreamTo(std::string* out) {
  pb_ostream_t stream = {};
  stream.callback = &AppendBytes;
  stream.state = out;
  stream.max_size = SIZE_MAX;
  return stream;
}

class Encoder {
 public:
  explicit Encoder(std::string* out) : stream_(StreamTo(out)) {}

  // proto3: a scalar of its default value is not written.
  void operator()(uint32_t number, uint64_t value) {
    if (value == 0) return;
    pb_encode_tag(&stream_, PB_WT_VARINT, number);
    pb_encode_varint(&stream_, value);
  }
  void operator()(uint32_t number, const std::string& value) {
    if (!value.empty()) Bytes(number, value);
  }
  void operator()(uint32_t number, const std::vector<uint32_t>& values) {
    if (values.empty()) return;
    std::string packed;
    pb_ostream_t stream = StreamTo(&packed);
    for (uint32_t value : values) pb_encode_varint(&stream, value);
    Bytes(number, packed);
  }
  void operator()(uint32_t number, const std::vector<std::string>& values) {
    for (const std::string& value : values) Bytes(number, value);
  }
  template <typename M>
  void operator()(uint32_t number, const std::vector<M>& messages) {
    for (const M& message : messages) Bytes(number, SerializeControl(message));
  }
  template <typename M,
            typename = std::enable_if_t<std::is_class<M>::value>>
  void operator()(uint32_t number, const M& message) {
    Bytes(number, SerializeControl(message));
  }

 private:
  void Bytes(uint32_t number, const std::string& bytes) {
    pb_encode_tag(&stream_, PB_WT_STRING, number);
    pb_encode_string(&stream_,
                     reinterpret_cast<const pb_byte_t*>(bytes.data()),
                     bytes.size());
  }

  pb_ostream_t stream_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes)
      : stream_(pb_istream_from_buffer(
            reinterpret_cast<const pb_byte_t*>(bytes.data()), bytes.size())) {}

  // Moves to the next field; false at the end or on malformed bytes.
  bool NextField() {
    bool end = false;
    if (!pb_decode_tag(&stream_, &type_, &number_, &end)) {
      ok_ = end;
      return false;
    }
    taken_ = false;
    return true;
  }
  // After the fields were visited: skips one that nobody took.
  bool Finish() {
    if (!taken_ && !pb_skip_field(&stream_, type_)) ok_ = false;
    return ok_;
  }
  bool ok() const { return ok_; }

  void operator()(uint32_t number, uint32_t& value) {
    uint64_t wide;
    if (Varint(number, &wide)) value = static_cast<uint32_t>(wide);
  }
  void operator()(uint32_t number, uint64_t& value) { Varint(number, &value); }
  void operator()(uint32_t number, std::string& value) {
    std::string_view bytes;
    if (Bytes(number, &bytes)) value.assign(bytes);
  }
  void operator()(uint32_t number, std::vector<uint32_t>& values) {
    std::string_view bytes;
    uint64_t single;
    if (type_ == PB_WT_VARINT && Varint(number, &single)) {
      values.push_back(static_cast<uint32_t>(single));
      return;
    }
    if (!Bytes(number, &bytes)) return;
    pb_istream_t packed = pb_istream_from_buffer(
        reinterpret_cast<const pb_byte_t*>(bytes.data()), bytes.size());
    while (packed.bytes_left > 0) {
      if (!pb_decode_varint(&packed, &single)) {
        ok_ = false;
        return;
      }
      values.push_back(static_cast<uint32_t>(single));
    }
  }
  void operator()(uint32_t number, std::vector<std::string>& values) {
    std::string_view bytes;
    if (Bytes(number, &bytes)) values.emplace_back(bytes);
  }
  template <typename M>
  void operator()(uint32_t number, std::vector<M>& messages) {
    std::string_view bytes;
    if (!Bytes(number, &bytes)) return;
    messages.emplace_back();
    if (!ParseControl(bytes, &messages.back())) ok_ = false;
  }
  template <typename M,
            typename = std::enable_if_t<std::is_class<M>::value>>
  void operator()(uint32_t number, M& message) {
    std::string_view bytes;
    if (Bytes(number, &bytes) && !ParseControl(bytes, &message)) ok_ = false;
  }

 private:
  bool Varint(uint32_t number, uint64_t* value) {
    if (taken_ || number != number_ || type_ != PB_WT_VARINT) return false;
    taken_ = true;
    if (pb_decode_varint(&stream_, value)) return true;
    ok_ = false;
    return false;
  }
  bool Bytes(uint32_t number, std::string_view* bytes) {
    if (taken_ || number != number_ || type_ != PB_WT_STRING) return false;
    taken_ = true;
    uint64_t length;
    if (!pb_decode_varint(&stream_, &length) || length > stream_.bytes_left) {
      ok_ = false;
      return false;
    }
    // A buffer stream's state is its read position.
    *bytes = std::string_view(static_cast<const char*>(stream_.state), length);
    if (!pb_read(&stream_, nullptr, length)) ok_ = false;
    return ok_;
  }

  pb_istream_t stream_;
  pb_wire_type_t type_ = PB_WT_VARINT;
  uint32_t number_ = 0;
  bool taken_ = false;
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
  Decoder decoder(bytes);
  while (decoder.NextField()) {
    Fields(*message, decoder, static_cast<const Message*>(nullptr));
    if (!decoder.Finish()) return false;
  }
  return decoder.ok();
}

#define RAMET_CONTROL_MESSAGE(M)                      \
  template std::string SerializeControl(const M&);    \
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
RAMET_CONTROL_MESSAGE(LoadModule);
RAMET_CONTROL_MESSAGE(Metadata);
RAMET_CONTROL_MESSAGE(CallHeaders);
RAMET_CONTROL_MESSAGE(CallTrailers);
RAMET_CONTROL_MESSAGE(SshOptions);
RAMET_CONTROL_MESSAGE(StartChildRequest);
RAMET_CONTROL_MESSAGE(StartChildReply);
RAMET_CONTROL_MESSAGE(StopChildRequest);
RAMET_CONTROL_MESSAGE(StopChildReply);
#undef RAMET_CONTROL_MESSAGE

}  // namespace ramet::core
