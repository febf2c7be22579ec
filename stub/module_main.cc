#include "stub/module_main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "core/base/unique_fd.h"
#include "stub/method_table.h"

namespace ramet::stub {
namespace {

constexpr char kLinkVariable[] = "RAMET_MODULE_FD";
constexpr int kExitWrongUsage = 2;

// The link, or -1.
int LinkFromEnvironment() {
  const char* text = getenv(kLinkVariable);
  if (text == nullptr) return -1;
  char* end;
  const long fd = strtol(text, &end, 10);
  int type = 0;
  socklen_t size = sizeof type;
  if (end == text || *end != '\0' || fd < 0 ||
      getsockopt(static_cast<int>(fd), SOL_SOCKET, SO_TYPE, &type, &size) !=
          0 ||
      type != SOCK_STREAM) {
    return -1;
  }
  return static_cast<int>(fd);
}

[[noreturn]] void ExitForOptions(const std::string& text) {
  dprintf(STDERR_FILENO, "ramet module: %s\n", text.c_str());
  exit(kExitWrongUsage);
}

}  // namespace

void RunModule(std::vector<std::unique_ptr<Service>> services,
               const ModuleOptions& options) {
  // All of it lives until the process ends, which it does while other threads
  // use it.
  auto* methods = new MethodTable;
  std::map<std::string, ServiceOptions> by_name = options.services;
  for (std::unique_ptr<Service>& service : services) {
    const std::string name = service->RametInfo().name;
    service = Intercepted(std::move(service), options.interceptors);
    const absl::Status added = methods->Add(service.release(), by_name[name]);
    if (!added.ok()) ExitForOptions(std::string(added.message()));
    by_name.erase(name);
  }
  for (const auto& [name, unused] : by_name) {
    ExitForOptions("the options name service " + name +
                   ", which the module does not have");
  }
  const int fd = LinkFromEnvironment();
  if (fd < 0) {
    dprintf(2,
            "This is a ramet module; it serves %s.\n"
            "An agent starts it, with its link in %s. To call it:\n"
            "  ramet call TARGET SERVICE/METHOD --module FILE.rmod\n",
            methods->service_names().c_str(), kLinkVariable);
    exit(kExitWrongUsage);
  }
  unsetenv(kLinkVariable);
  setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  auto* runtime = new ModuleRuntime(core::UniqueFd(fd), methods, options);
  runtime->Run();
}

}  // namespace ramet::stub
