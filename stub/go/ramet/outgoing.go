package ramet

// outgoing has the calls that the module has out, by their handles. Under the
// runtime's lock.
type outgoing struct {
	runtime *runtime
	calls   map[uint32]*clientCall
	next    uint32
}

func (o *outgoing) init(r *runtime) {
	o.runtime, o.calls, o.next = r, map[uint32]*clientCall{}, firstDynamicHandle
}

func (o *outgoing) onFrame(f *frame) {
	// What crossed a CANCEL belongs to nobody.
	if call := o.calls[f.handle]; call != nil {
		call.onFrame(f)
	}
}

func (o *outgoing) add(call *clientCall) {
	for o.next < firstDynamicHandle || o.calls[o.next] != nil {
		o.next++
	}
	call.handle = o.next
	o.next++
	o.calls[call.handle] = call
}

func (o *outgoing) forget(call *clientCall) { delete(o.calls, call.handle) }
