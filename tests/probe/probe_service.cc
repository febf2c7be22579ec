#include "tests/probe/probe_service.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "tests/probe/call_out.h"
#include "tests/probe/limited_service.h"
#include "tests/probe/open_service.h"

namespace ramet::probe {
namespace {

// Far above every limit that a test crosses.
constexpr int64_t kMaxMadeBytes = 64 * 1024 * 1024;

int64_t CountOpenFds() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return -1;
  int64_t count = 0;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(directory);
  return count - 1;  // without the directory's own
}

int64_t ResidentKib() {
  FILE* file = fopen("/proc/self/statm", "re");
  if (file == nullptr) return -1;
  long total = 0;
  long resident = -1;
  if (fscanf(file, "%ld %ld", &total, &resident) != 2) resident = -1;
  fclose(file);
  return resident < 0 ? -1 : resident * sysconf(_SC_PAGESIZE) / 1024;
}

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count <= 0) return;
    bytes.remove_prefix(count);
  }
}

}  // namespace

absl::Status Probe::Echo(const stub::CallContext& context,
                         const ::probe::v1::EchoRequest& request,
                         ::probe::v1::EchoReply* reply) {
  ++calls_;
  if (request.reply_bytes() > kMaxMadeBytes ||
      request.error_bytes() > kMaxMadeBytes) {
    return absl::InvalidArgumentError("more than 64 MiB asked for");
  }
  if (request.wait_ms() > 0 &&
      context.WaitUntilCancelled(absl::Milliseconds(request.wait_ms()))) {
    return absl::CancelledError("the wait was cancelled");
  }
  if (request.error_code() > 0) {
    return absl::Status(static_cast<absl::StatusCode>(request.error_code()),
                        std::string(request.error_bytes(), 'e'));
  }
  context.CompressReplies(
      static_cast<stub::Compression>(request.compression()));
  reply->set_request_compressed(context.request_compressed());
  std::string* payload = reply->mutable_payload();
  *payload = request.payload();
  if (request.reply_bytes() > static_cast<int64_t>(payload->size())) {
    payload->resize(request.reply_bytes(), 'r');
  }
  return absl::OkStatus();
}

absl::Status Probe::Crash(const stub::CallContext& context,
                          const ::probe::v1::CrashRequest& request,
                          google::protobuf::Empty* reply) {
  ++calls_;
  if (request.signal() == 0) _exit(request.exit_status());
  // Also where it is blocked, or handled by a sanitizer.
  signal(request.signal(), SIG_DFL);
  raise(request.signal());  // kill might take another thread, and later
  return absl::InternalError("survived signal " +
                             std::to_string(request.signal()));
}

absl::Status Probe::Info(const stub::CallContext& context,
                         const google::protobuf::Empty& request,
                         ::probe::v1::InfoReply* reply) {
  reply->set_calls(++calls_);
  reply->set_pid(getpid());
  reply->set_ppid(getppid());
  reply->set_open_fds(CountOpenFds());
  reply->set_rss_kib(ResidentKib());
  reply->set_open_streams(open_streams_);
  reply->set_cancelled_streams(cancelled_streams_);
  reply->set_open_running(Open::running());
  utsname machine;
  if (uname(&machine) == 0) reply->set_machine(machine.machine);
  reply->set_limited_peak(Limited::peak());
  reply->set_one_peak(Limited::one_peak());
  return absl::OkStatus();
}

absl::Status Probe::State(const stub::CallContext& context,
                          const google::protobuf::Empty& request,
                          ::probe::v1::StateReply* reply) {
  ++calls_;
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    variables.push_back(*entry);
  }
  std::sort(variables.begin(), variables.end());
  for (const std::string& variable : variables) {
    reply->add_environment(variable);
  }
  char directory[PATH_MAX];
  if (getcwd(directory, sizeof directory) != nullptr) {
    reply->set_directory(directory);
  }
  const mode_t mask = umask(0);
  umask(mask);
  reply->set_umask(mask);
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action;
    if (sigismember(&blocked, number) == 1) {
      reply->add_blocked_signals(strsignal(number));
    }
    if (sigaction(number, nullptr, &action) == 0 &&
        action.sa_handler == SIG_IGN) {
      reply->add_ignored_signals(strsignal(number));
    }
  }
  rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) == 0) {
    reply->set_core_limit_bytes(limit.rlim_max);
  }
  if (getrlimit(RLIMIT_DATA, &limit) == 0) {
    reply->set_data_limit_bytes(limit.rlim_max);
  }
  return absl::OkStatus();
}

absl::Status Probe::Allocate(const stub::CallContext& context,
                             const ::probe::v1::AllocateRequest& request,
                             google::protobuf::Empty* reply) {
  ++calls_;
  void* const memory = malloc(request.bytes());
  if (memory == nullptr) return absl::ResourceExhaustedError("no memory");
  memset(memory, 1, request.bytes());
  // Or the compiler leaves all of it out.
  __asm__ volatile("" : : "r"(memory) : "memory");
  free(memory);
  return absl::OkStatus();
}

absl::Status Probe::Print(const stub::CallContext& context,
                          const ::probe::v1::PrintRequest& request,
                          google::protobuf::Empty* reply) {
  ++calls_;
  WriteAll(STDOUT_FILENO, request.to_stdout());
  WriteAll(STDERR_FILENO, request.to_stderr());
  return absl::OkStatus();
}

absl::Status Probe::Spawn(const stub::CallContext& context,
                          const ::probe::v1::SpawnRequest& request,
                          google::protobuf::Empty* reply) {
  ++calls_;
  // Of a program that is over before the answer.
  if (system((request.command() + " &").c_str()) != 0) {
    return absl::InternalError("the shell failed");
  }
  return absl::OkStatus();
}

// Counts a streaming call while its method runs.
class Probe::OpenStream {
 public:
  OpenStream(Probe* probe, const stub::CallContext& context)
      : probe_(probe), context_(context) {
    ++probe_->calls_;
    ++probe_->open_streams_;
  }
  ~OpenStream() {
    if (context_.is_cancelled()) ++probe_->cancelled_streams_;
    --probe_->open_streams_;
  }

 private:
  Probe* const probe_;
  const stub::CallContext& context_;
};

absl::Status Probe::Count(const stub::CallContext& context,
                          const ::probe::v1::CountRequest& request,
                          stub::ServerWriter<::probe::v1::CountReply>* out) {
  const OpenStream open(this, context);
  if (request.reply_bytes() > kMaxMadeBytes) {
    return absl::InvalidArgumentError("more than 64 MiB asked for");
  }
  context.CompressReplies(
      static_cast<stub::Compression>(request.compression()));
  ::probe::v1::CountReply reply;
  reply.set_payload(std::string(request.reply_bytes(), 'r'));
  for (int64_t i = 0; request.count() < 0 || i < request.count(); ++i) {
    if (request.wait_ms() > 0) {
      context.WaitUntilCancelled(absl::Milliseconds(request.wait_ms()));
    }
    reply.set_index(i);
    if (!out->Write(reply)) return absl::CancelledError("nobody listens");
  }
  return absl::Status(static_cast<absl::StatusCode>(request.error_code()),
                      request.error_code() == 0 ? "" : "as you asked");
}

absl::Status Probe::Sum(const stub::CallContext& context,
                        stub::ServerReader<::probe::v1::SumRequest>* in,
                        ::probe::v1::SumReply* reply) {
  const OpenStream open(this, context);
  ::probe::v1::SumRequest request;
  while (in->Read(&request)) {
    reply->set_sum(reply->sum() + request.number());
    reply->set_count(reply->count() + 1);
    reply->set_payload_bytes(reply->payload_bytes() + request.payload().size());
  }
  return absl::OkStatus();
}

absl::Status Probe::EchoStream(
    const stub::CallContext& context,
    stub::ServerReaderWriter<::probe::v1::EchoRequest, ::probe::v1::EchoReply>*
        stream) {
  const OpenStream open(this, context);
  ::probe::v1::EchoRequest request;
  while (stream->Read(&request)) {
    ::probe::v1::EchoReply reply;
    absl::Status status = Echo(context, request, &reply);
    if (!status.ok()) return status;
    if (!stream->Write(reply)) break;
  }
  return absl::OkStatus();
}

absl::Status Probe::Sink(const stub::CallContext& context,
                         stub::ServerReader<::probe::v1::SinkRequest>* in,
                         ::probe::v1::SinkReply* reply) {
  const OpenStream open(this, context);
  ::probe::v1::SinkRequest first;
  if (!in->Read(&first)) return absl::OkStatus();
  ::probe::v1::SinkRequest request;
  int64_t read = 1;
  while (read < first.read_count() && in->Read(&request)) ++read;
  reply->set_read_count(read);
  if (read == first.read_count()) {
    context.WaitUntilCancelled(absl::InfiniteDuration());
  }
  return absl::OkStatus();
}

absl::Status Probe::EchoMetadata(
    const stub::CallContext& context,
    const ::probe::v1::EchoMetadataRequest& request,
    ::probe::v1::EchoMetadataReply* reply) {
  ++calls_;
  for (const core::Metadata& pair : context.metadata()) {
    if (pair.key.compare(0, 2, "x-") != 0) continue;
    auto* out = reply->add_pairs();
    out->set_key(pair.key);
    out->set_value(pair.value);
    context.AddInitialMetadata(pair.key, pair.value);
    context.AddTrailingMetadata(pair.key, pair.value);
  }
  return absl::Status(static_cast<absl::StatusCode>(request.error_code()),
                      request.error_code() == 0 ? "" : "as you asked");
}

absl::Status Probe::CallOut(const stub::CallContext& context,
                            const ::probe::v1::CallOutRequest& request,
                            ::probe::v1::CallOutReply* reply) {
  ++calls_;
  *reply = probe::CallOut(context, request);
  return absl::OkStatus();
}

}  // namespace ramet::probe
