package ramet

// Limits of services: who may run, and who waits (docs/calls.md). Under the
// runtime's lock.

import "sort"

// Of a service's queue, callers that are not above the module's context have
// one part in so many.
const foreignPart = 4

// admissionStage is what becomes of a call here.
type admissionStage int

const (
	notHere         admissionStage = iota
	waitsForMethod                 // for the other call of its serial method
	waitsForService                // for MaxConcurrentCalls
	admittedToBegin
	hasBegun
)

// callLine has calls by arrival.
type callLine []*servedCall

// serviceState is of one service: calls that were let in, that wait, and those
// of them that are foreign.
type serviceState struct {
	name                            string
	limits                          Limits
	admitted, queued, foreignQueued int64
	line                            callLine
}

type serialState struct {
	taken bool // by a call that has left the line
	line  callLine
}

// callAdmission lets calls in as far as their services' limits allow, in
// arrival order, but that those behind one that waits for its serial method may
// go before it. Only calls whose method is limited come here.
type callAdmission struct{ arrivals uint64 }

func (m *methodEntry) limited() bool {
	return m.serial != nil || m.service.limits.MaxConcurrentCalls > 0
}

func (s *serviceState) hasRoom() bool {
	return s.limits.MaxConcurrentCalls == 0 ||
		s.admitted < s.limits.MaxConcurrentCalls
}

func (s *serviceState) mayWait(call *servedCall) bool {
	limit := s.limits.maxQueued()
	if s.queued >= limit {
		return false
	}
	part := limit / foreignPart
	if part < 1 {
		part = 1
	}
	return !call.foreign || s.foreignQueued < part
}

func (s *serviceState) countQueued(call *servedCall, change int64) {
	s.queued += change
	if call.foreign {
		s.foreignQueued += change
	}
}

// add says whether the call may run now, else it waits; or its answer when it
// can't even wait.
func (a *callAdmission) add(call *servedCall) (admitted bool, refused *Error) {
	entry := call.entry
	state, serial := entry.service, entry.serial
	waits := serial != nil && serial.taken
	admitted = !waits && len(state.line) == 0 && state.hasRoom()
	if !admitted && !state.mayWait(call) {
		return false, queueIsFull(entry)
	}
	a.arrivals++
	call.arrival, call.stage = a.arrivals, admittedToBegin
	if waits {
		call.stage = waitsForMethod
		serial.line.insert(call)
	} else {
		if serial != nil {
			serial.taken = true
		}
		if admitted {
			state.admitted++
		} else {
			call.stage = waitsForService
			state.line.insert(call)
		}
	}
	if !admitted {
		state.countQueued(call, 1)
	}
	return admitted, nil
}

// onBegin: its method begins.
func (a *callAdmission) onBegin(call *servedCall) {
	if call.stage != notHere {
		call.stage = hasBegun
	}
}

// onAborted: it has its answer. Unless its method has begun, its place goes to
// the next. waited: here.
func (a *callAdmission) onAborted(call *servedCall) (waited bool,
	admitted []*servedCall) {
	if call.stage == notHere || call.stage == hasBegun {
		return false, nil
	}
	return call.stage != admittedToBegin, leave(call)
}

// onReturned: its method has returned.
func (a *callAdmission) onReturned(call *servedCall) []*servedCall {
	if call.stage == notHere {
		return nil
	}
	return leave(call)
}

// leave gives up what the call has; those that can have it now may run.
func leave(call *servedCall) (admitted []*servedCall) {
	stage, state, serial := call.stage, call.entry.service, call.entry.serial
	call.stage = notHere
	switch stage {
	case waitsForMethod:
		// Nobody waits for it.
		state.countQueued(call, -1)
		serial.line.remove(call)
		return nil
	case waitsForService:
		state.countQueued(call, -1)
		state.line.remove(call)
	default:
		state.admitted--
	}
	if serial != nil {
		serial.taken = len(serial.line) > 0
		if serial.taken {
			next := serial.line.first()
			next.stage = waitsForService
			// It came before some that wait for the service.
			state.line.insert(next)
		}
	}
	for len(state.line) > 0 && state.hasRoom() {
		next := state.line.first()
		state.countQueued(next, -1)
		state.admitted++
		next.stage = admittedToBegin
		admitted = append(admitted, next)
	}
	return admitted
}

func queueIsFull(entry *methodEntry) *Error {
	service, limits := entry.service.name, entry.service.limits
	const full = ", and as many wait as may: %d (max_queued_calls); try again " +
		"when some are over"
	if entry.serial != nil {
		return Errorf(ResourceExhausted, "service %s serves calls of %s one at "+
			"a time"+full, service, entry.method.name, limits.maxQueued())
	}
	return Errorf(ResourceExhausted, "service %s serves %d calls at a time "+
		"(max_concurrent_calls)"+full, service, limits.MaxConcurrentCalls,
		limits.maxQueued())
}

// find is the place of a call, or that where it belongs.
func (l callLine) find(call *servedCall) int {
	return sort.Search(len(l),
		func(i int) bool { return l[i].arrival >= call.arrival })
}

func (l *callLine) insert(call *servedCall) {
	at := l.find(call)
	*l = append(*l, nil)
	copy((*l)[at+1:], (*l)[at:])
	(*l)[at] = call
}

func (l *callLine) remove(call *servedCall) {
	at := l.find(call)
	copy((*l)[at:], (*l)[at+1:])
	(*l)[len(*l)-1] = nil
	*l = (*l)[:len(*l)-1]
}

// first takes it out.
func (l *callLine) first() *servedCall {
	call := (*l)[0]
	l.remove(call)
	return call
}
