#ifndef CORE_WIRE_METHOD_NAME_H_
#define CORE_WIRE_METHOD_NAME_H_

#include <string_view>

namespace ramet::core {

// A method as a call names it, "/demo.v1.Greeter/SayHello", in two pieces.
struct MethodName {
  std::string_view service;  // "demo.v1.Greeter"
  std::string_view method;   // "SayHello"
};

// False for anything but one leading and one further slash with a name behind
// each.
bool ParseMethodName(std::string_view path, MethodName* name);

// The method of a call, from the beginning of its HEADERS part: the field comes
// first there, so that a hop need not decode, or even have, the rest. False
// when it isn't there.
bool PeekMethod(std::string_view headers, MethodName* name);

}  // namespace ramet::core

#endif  // CORE_WIRE_METHOD_NAME_H_
