#ifndef STUB_MODULE_MAIN_H_
#define STUB_MODULE_MAIN_H_

#include <memory>
#include <utility>
#include <vector>

#include "stub/module_runtime.h"
#include "stub/service.h"

namespace ramet::stub {

// The body of a module's main(): serves `services` to the agent that started
// this process, on the socket that the environment variable RAMET_MODULE_FD
// names, until the agent goes. Without the variable it says what a module is
// and ends with status 2.
//
// Standard output and error are pipes to the agent, which logs their lines;
// standard output is line-buffered from here on.
//
// For a module that needs options, or services with arguments:
//
//   int main() {
//     ramet::stub::ModuleOptions options;
//     options.max_threads = 16;
//     std::vector<std::unique_ptr<ramet::stub::Service>> services;
//     services.push_back(std::make_unique<DiskService>("/dev/sda"));
//     ramet::stub::RunModule(std::move(services), options);
//   }
[[noreturn]] void RunModule(std::vector<std::unique_ptr<Service>> services,
                            const ModuleOptions& options = {});

template <typename... Implementations>
[[noreturn]] void RunModuleOf(const ModuleOptions& options = {}) {
  std::vector<std::unique_ptr<Service>> services;
  (services.push_back(std::make_unique<Implementations>()), ...);
  RunModule(std::move(services), options);
}

}  // namespace ramet::stub

// Defines main() of a module that serves the given implementations of services:
//
//   RAMET_MODULE(GreeterImpl)
#define RAMET_MODULE(...) \
  int main() { ::ramet::stub::RunModuleOf<__VA_ARGS__>(); }

// The same with options, which an expression gives:
//
//   RAMET_MODULE_WITH(MakeOptions(), GreeterImpl)
#define RAMET_MODULE_WITH(options, ...) \
  int main() { ::ramet::stub::RunModuleOf<__VA_ARGS__>(options); }

#endif  // STUB_MODULE_MAIN_H_
