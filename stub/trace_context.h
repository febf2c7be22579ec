#ifndef STUB_TRACE_CONTEXT_H_
#define STUB_TRACE_CONTEXT_H_

#include <memory>

#include "stub/call_context.h"
#include "stub/client_interceptor.h"
#include "stub/server_interceptor.h"

namespace ramet::stub {

// W3C Trace Context (https://www.w3.org/TR/trace-context/): the pairs
// `traceparent` and `tracestate` of a call's metadata, as they are.

// Has the calls that a method makes carry the pairs of the call that it serves,
// by whichever context it gets of its CallContext:
//
//   ModuleOptions options;
//   options.interceptors = {PassTraceContextOn()};
std::shared_ptr<ServerInterceptor> PassTraceContextOn();

// The same for one context of another origin, such as a service of the master
// has: stub(Intercepted(web1, {TraceContextOf(context)})).
std::shared_ptr<ClientInterceptor> TraceContextOf(const CallContext& context);

}  // namespace ramet::stub

#endif  // STUB_TRACE_CONTEXT_H_
