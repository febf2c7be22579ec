#ifndef CORE_WIRE_CONTROL_H_
#define CORE_WIRE_CONTROL_H_

#include <stdint.h>

#include <string>
#include <string_view>
#include <vector>

namespace ramet::core {

// The messages of protos/ramet/control.proto as plain structs, for programs
// that can't link protobuf. control.proto says what each field means;
// control_test.cc holds the bytes against protobuf's.

struct Hello {
  uint32_t version = 0;
  uint32_t child_id = 0;
  std::vector<uint32_t> ancestor_ids;
  uint32_t grant_first = 0;
  uint32_t grant_count = 0;
  std::string name;
  std::string parent_name;
  uint32_t max_message_bytes = 0;
  uint32_t heartbeat_interval_ms = 0;
  uint32_t heartbeat_count = 0;
  uint32_t unidirectional = 0;
  uint32_t log_level = 0;
  std::string cache_dir;
  uint32_t image_cache_bytes = 0;
  std::string module_locks;
  uint32_t cache_mib = 0;
};

struct HelloReply {
  uint32_t version = 0;
  std::string platform;
  std::string hostname;
  uint32_t pid = 0;
  uint32_t uid = 0;
};

struct Dead {
  uint32_t code = 0;
  std::string message;
};

struct AddRoute {
  uint32_t id = 0;
  std::string name;
};

struct DelRoute {
  uint32_t id = 0;
  uint32_t code = 0;
  std::string reason;
};

struct AllocateId {
  uint32_t count = 0;
};

struct Grant {
  uint32_t first = 0;
  uint32_t count = 0;
};

struct Shutdown {
  uint32_t grace_ms = 0;
};

struct ForwardLog {
  uint32_t level = 0;
  std::string source;
  std::string text;
};

struct ModuleMethod {
  std::string name;
  uint32_t policy = 0;
};

struct ModuleService {
  std::string name;
  std::vector<ModuleMethod> methods;
};

struct ModuleNotice {
  enum Kind : uint32_t { kImage = 0, kService = 1, kAgent = 2, kForget = 3 };

  uint32_t kind = kImage;
  uint32_t target = 0;
  std::string name;
  std::string digest;
  uint32_t code = 0;
  std::string module;
};

struct LoadModule {
  std::string name;
  std::string digest;
  std::string platform;
  uint32_t deflated_bytes = 0;
  uint32_t image_bytes = 0;
  std::vector<ModuleService> services;
  std::vector<std::string> environment;
  uint32_t idle_ms = 0;
  uint64_t memory_bytes = 0;
  std::string base;
  uint32_t patch_bytes = 0;
  std::string image_digest;
  std::string statement;
  std::string signature;
  std::string signer;
};

struct Metadata {
  std::string key;
  std::string value;
};

struct CallHeaders {
  std::string method;
  uint64_t timeout_us = 0;
  std::vector<Metadata> metadata;
  uint64_t chain_id = 0;
  uint32_t chain_epoch = 0;
  uint64_t chain_index = 0;
  uint64_t chain_known_ok = 0;
  uint32_t encoding = 0;
  uint32_t accepted_encodings = 0;
};

struct AnswerHeaders {
  std::vector<Metadata> metadata;
  uint32_t encoding = 0;
};

struct CallTrailers {
  uint32_t code = 0;
  std::string message;
  std::string details;
  std::vector<Metadata> metadata;
};

struct SshOptions {
  enum HostKeyCheck : uint32_t { kStrict = 0, kAcceptNew = 1, kOff = 2 };
  enum Transport : uint32_t { kAuto = 0, kLibssh2 = 1, kOpenssh = 2 };

  std::vector<std::string> identity_files;
  std::string known_hosts;
  std::string config_file;
  uint32_t host_key_check = kStrict;
  uint32_t transport = kAuto;
};

struct StartChildRequest {
  std::string hop;
  SshOptions ssh;
  uint32_t timeout_ms = 0;
  uint32_t hop_number = 0;
  std::string name;
  std::string cache_dir;
  std::string platform;
  std::string module_locks;
  uint32_t cache_mib = 0;
};

struct StartChildReply {
  uint32_t id = 0;
  HelloReply hello;
};

struct StopChildRequest {
  uint32_t id = 0;
};

struct StopChildReply {};

struct LinksRequest {};

struct LinkInfo {
  uint32_t peer_id = 0;
  std::string name;
  uint64_t frames_in = 0;
  uint64_t frames_out = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t refused_sources = 0;
  uint64_t refused_routes = 0;
  uint64_t refused_full = 0;
  uint64_t queued_bytes = 0;
  uint64_t queue_high_water_bytes = 0;
  uint64_t slowed = 0;
};

struct LinksReply {
  std::vector<LinkInfo> links;
};

// Serialize gives the bytes that protobuf would give for the same message.
// ParseControl is false for bytes that are no such message; `message` is then
// unspecified. Both are pure. Instantiated in control.cc for the structs above.
template <typename Message>
std::string SerializeControl(const Message& message);
template <typename Message>
bool ParseControl(std::string_view bytes, Message* message);

}  // namespace ramet::core

#endif  // CORE_WIRE_CONTROL_H_
