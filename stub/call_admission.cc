#include "stub/call_admission.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ramet::stub {
namespace {

absl::Status QueueIsFull(const MethodTable::Method& method) {
  const ServiceInfo& info = method.service->RametInfo();
  const ServiceLimits& limits = *method.limits;
  std::string text = std::string("service ") + info.name;
  if (method.serial) {
    text += std::string(" serves calls of ") + info.methods[method.index].name +
            " one at a time";
  } else {
    text += " serves " + std::to_string(limits.max_concurrent_calls) +
            " calls at a time (max_concurrent_calls)";
  }
  return absl::ResourceExhaustedError(
      text +
      ", and as many wait as may: " + std::to_string(limits.max_queued_calls) +
      " (max_queued_calls); try again when some are over");
}

}  // namespace

bool CallAdmission::MayWait(const ServedCall& call,
                            const ServiceState& state) const {
  const size_t limit = call.method().limits->max_queued_calls;
  if (state.queued >= limit) return false;
  return !call.foreign() ||
         state.foreign_queued < std::max<size_t>(limit / foreign_part_, 1);
}

void CallAdmission::CountQueued(const ServedCall& call, ServiceState* state,
                                int change) {
  queued_ += change;
  state->queued += change;
  if (call.foreign()) state->foreign_queued += change;
}

absl::Status CallAdmission::Add(const CallPtr& call, bool* admitted) {
  const MethodTable::Method& method = call->method();
  ServiceState& state = services_[method.limits];
  SerialState* const serial = method.serial ? &serial_[&method] : nullptr;
  const bool waits_for_method = serial != nullptr && serial->taken;
  *admitted =
      !waits_for_method && state.line.empty() && HasRoom(*method.limits, state);
  if (!*admitted && !MayWait(*call, state)) return QueueIsFull(method);
  const uint64_t arrival = ++arrivals_;
  Stage stage = Stage::kAdmitted;
  if (waits_for_method) {
    stage = Stage::kWaitsForMethod;
    serial->line.emplace(arrival, call);
  } else {
    if (serial != nullptr) serial->taken = true;
    if (*admitted) {
      ++state.admitted;
    } else {
      stage = Stage::kWaitsForService;
      state.line.emplace(arrival, call);
    }
  }
  if (!*admitted) CountQueued(*call, &state, 1);
  places_[call.get()] = {arrival, stage};
  return absl::OkStatus();
}

void CallAdmission::OnBegin(const ServedCall& call) {
  const auto found = places_.find(&call);
  if (found != places_.end()) found->second.stage = Stage::kBegun;
}

bool CallAdmission::OnAborted(const ServedCall& call,
                              std::vector<CallPtr>* admitted) {
  const auto found = places_.find(&call);
  if (found == places_.end() || found->second.stage == Stage::kBegun) {
    return false;
  }
  const bool waited = found->second.stage != Stage::kAdmitted;
  Leave(call, admitted);
  return waited;
}

void CallAdmission::OnReturned(const ServedCall& call,
                               std::vector<CallPtr>* admitted) {
  if (places_.count(&call) > 0) Leave(call, admitted);
}

void CallAdmission::Leave(const ServedCall& call,
                          std::vector<CallPtr>* admitted) {
  const MethodTable::Method& method = call.method();
  const auto found = places_.find(&call);
  const Place place = found->second;
  places_.erase(found);
  ServiceState& state = services_[method.limits];
  if (place.stage == Stage::kWaitsForMethod) {
    // Nobody waits for it.
    CountQueued(call, &state, -1);
    serial_[&method].line.erase(place.arrival);
    return;
  }
  if (place.stage == Stage::kWaitsForService) {
    CountQueued(call, &state, -1);
    state.line.erase(place.arrival);
  } else {
    --state.admitted;
  }
  if (method.serial) {
    SerialState& serial = serial_[&method];
    serial.taken = !serial.line.empty();
    if (serial.taken) {
      const auto next = serial.line.begin();
      places_[next->second.get()].stage = Stage::kWaitsForService;
      state.line.insert(*next);
      serial.line.erase(next);
    }
  }
  LetIn(method.limits, admitted);
}

void CallAdmission::LetIn(const ServiceLimits* limits,
                          std::vector<CallPtr>* admitted) {
  ServiceState& state = services_[limits];
  while (!state.line.empty() && HasRoom(*limits, state)) {
    CallPtr call = std::move(state.line.begin()->second);
    state.line.erase(state.line.begin());
    CountQueued(*call, &state, -1);
    ++state.admitted;
    places_[call.get()].stage = Stage::kAdmitted;
    admitted->push_back(std::move(call));
  }
}

}  // namespace ramet::stub
