#include "server/caller.h"

#include <grpc/grpc_security_constants.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace ramet::server {
namespace {

struct Property {
  const char* name;
  const char* prefix;
};

constexpr Property kProperties[] = {
    {GRPC_PEER_DNS_PROPERTY_NAME, "dns:"},
    {GRPC_PEER_URI_PROPERTY_NAME, "uri:"},
    {GRPC_PEER_EMAIL_PROPERTY_NAME, "email:"},
    {GRPC_PEER_IP_PROPERTY_NAME, "ip:"},
    {GRPC_X509_CN_PROPERTY_NAME, "cn:"},
};

}  // namespace

std::string Caller::ToString() const {
  if (owner) return "the owner";
  if (identities.empty()) return "nobody";
  return absl::StrJoin(identities, ", ");
}

Caller CallerOfUid(uint32_t uid) {
  Caller caller;
  caller.owner = uid == 0 || uid == geteuid();
  caller.identities.push_back(absl::StrCat("uid:", uid));
  return caller;
}

Caller CallerOfCertificate(const grpc::AuthContext& context) {
  Caller caller;
  if (!context.IsPeerAuthenticated()) return caller;
  for (const Property& property : kProperties) {
    for (const grpc::string_ref& value :
         context.FindPropertyValues(property.name)) {
      caller.identities.push_back(absl::StrCat(
          property.prefix, absl::string_view(value.data(), value.size())));
    }
  }
  return caller;
}

}  // namespace ramet::server
