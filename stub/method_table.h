#ifndef STUB_METHOD_TABLE_H_
#define STUB_METHOD_TABLE_H_

#include <stddef.h>

#include <map>
#include <string>
#include <unordered_map>

#include "absl/status/status.h"
#include "stub/service.h"
#include "stub/service_options.h"

namespace ramet::stub {

// Finds the method that a path names. Immutable once the services are added,
// and then safe for any thread. Borrows the services.
class MethodTable {
 public:
  struct Method {
    Service* service = nullptr;
    size_t index = 0;
    MethodKind kind = MethodKind::kUnary;
    bool serial = false;  // one call at a time
    // Calls may have to wait for others of the service (CallAdmission).
    bool limited = false;
    const ServiceLimits* limits = nullptr;  // one for each service
  };

  MethodTable() = default;
  // Methods have places in it.
  MethodTable(const MethodTable&) = delete;
  MethodTable& operator=(const MethodTable&) = delete;

  // ALREADY_EXISTS: a service of that name was added before; INVALID_ARGUMENT:
  // the options name a method that it hasn't. Nothing is added then.
  absl::Status Add(Service* service, const ServiceOptions& options = {});

  // Null when there is no such method; Unknown() is the answer then.
  const Method* Find(const std::string& path) const;
  // UNIMPLEMENTED, naming the path and what there is instead.
  absl::Status Unknown(const std::string& path) const;

  // "demo.v1.Greeter, demo.v1.Clock", in the order they were added.
  const std::string& service_names() const { return service_names_; }

 private:
  std::unordered_map<std::string, Method> methods_;
  std::map<std::string, ServiceLimits> services_;  // whose places are kept
  std::string service_names_;
};

}  // namespace ramet::stub

#endif  // STUB_METHOD_TABLE_H_
