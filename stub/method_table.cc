#include "stub/method_table.h"

namespace ramet::stub {

bool MethodTable::Add(Service* service) {
  const ServiceInfo& info = service->RametInfo();
  if (!services_.emplace(info.name, service).second) return false;
  if (!service_names_.empty()) service_names_ += ", ";
  service_names_ += info.name;
  for (size_t i = 0; i < info.method_count; ++i) {
    std::string path = "/";
    path += info.name;
    path += '/';
    path += info.methods[i].name;
    methods_[path] = {service, i, info.methods[i].kind};
  }
  return true;
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
