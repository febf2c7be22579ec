#ifndef TESTS_PROBE_CALL_OUT_H_
#define TESTS_PROBE_CALL_OUT_H_

#include "stub/call_context.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::probe {

// Makes the call that `request` asks for, from within a method, and tells how
// it ended.
::probe::v1::CallOutReply CallOut(const stub::CallContext& context,
                                  const ::probe::v1::CallOutRequest& request);

}  // namespace ramet::probe

#endif  // TESTS_PROBE_CALL_OUT_H_
