#include "stub/method_table.h"

namespace ramet::stub {

absl::Status MethodTable::Add(Service* service, const ServiceOptions& options) {
  const ServiceInfo& info = service->RametInfo();
  if (services_.count(info.name) > 0) {
    return absl::AlreadyExistsError(std::string("there is a service ") +
                                    info.name + " already");
  }
  size_t named = 0;
  for (size_t i = 0; i < info.method_count; ++i) {
    named += options.methods.count(info.methods[i].name);
  }
  if (named != options.methods.size()) {
    return absl::InvalidArgumentError(std::string("the options of ") +
                                      info.name +
                                      " name a method that it does not have");
  }
  ServiceLimits limits = info.limits;
  if (options.max_concurrent_calls) {
    limits.max_concurrent_calls = *options.max_concurrent_calls;
  }
  if (options.max_queued_calls) {
    limits.max_queued_calls = *options.max_queued_calls;
  }
  if (options.max_message_bytes) {
    limits.max_message_bytes = *options.max_message_bytes;
  }
  const ServiceLimits* const kept =
      &services_.emplace(info.name, limits).first->second;
  if (!service_names_.empty()) service_names_ += ", ";
  service_names_ += info.name;
  for (size_t i = 0; i < info.method_count; ++i) {
    std::string path = "/";
    path += info.name;
    path += '/';
    path += info.methods[i].name;
    const auto said = options.methods.find(info.methods[i].name);
    const Concurrency concurrency = said == options.methods.end()
                                        ? info.methods[i].concurrency
                                        : said->second;
    const bool serial = concurrency == Concurrency::kSerial;
    methods_[path] = {service,
                      i,
                      info.methods[i].kind,
                      serial,
                      serial || limits.max_concurrent_calls > 0,
                      kept};
  }
  return absl::OkStatus();
}

const MethodTable::Method* MethodTable::Find(const std::string& path) const {
  auto found = methods_.find(path);
  return found == methods_.end() ? nullptr : &found->second;
}

absl::Status MethodTable::Unknown(const std::string& path) const {
  // "/demo.v1.Greeter/SayHello"
  const size_t slash = path.find('/', 1);
  if (!path.empty() && path[0] == '/' && slash != std::string::npos) {
    const std::string service = path.substr(1, slash - 1);
    if (services_.count(service) > 0) {
      return absl::UnimplementedError("service " + service +
                                      " has no method \"" +
                                      path.substr(slash + 1) + "\"");
    }
  }
  return absl::UnimplementedError("the module does not serve \"" + path +
                                  "\"; it serves " + service_names_);
}

}  // namespace ramet::stub
