package ramet

import (
	"encoding/binary"
	"fmt"
	"os"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// A peer that opens more calls at once gets RESOURCE_EXHAUSTED for them.
const maxOpenCalls = 16384

type callID struct{ caller, handle uint32 }

type methodEntry struct {
	service *serviceState
	method  *Method
	serial  *serialState // of a serial method
}

// runtime serves the calls of a module's link: docs/module_protocol.md. One
// lock for all state; one goroutine reads the link and never waits for anything
// else, each method runs on its own.
type runtime struct {
	lock            sync.Mutex
	link            *link
	options         Options
	services        []Service
	methods         map[string]*methodEntry
	ownID           uint32
	ancestors       []uint32
	maxMessageBytes int

	calls        map[callID]*servedCall
	chains       *chainTable
	admission    callAdmission
	toAdmit      []*servedCall // whose turn it is
	toServe      []*servedCall // that their services have let in
	admitting    bool
	serving      bool
	waiting      []*servedCall // unary calls that may not run yet
	running      int
	streams      [2]int // of callers above, and of foreign ones
	held, unsent byteBudget
	draining     bool
	out          outgoing
}

func newRuntime(services []Service, options Options) *runtime {
	r := &runtime{options: options, services: services,
		methods: map[string]*methodEntry{}, calls: map[callID]*servedCall{}}
	r.chains = newChainTable(r.admit)
	r.out.init(r)
	for i := range services {
		service := &services[i]
		state := &serviceState{name: service.Name, limits: service.Limits}
		for j := range service.Methods {
			entry := &methodEntry{service: state, method: &service.Methods[j]}
			if entry.method.serial {
				entry.serial = &serialState{}
			}
			r.methods["/"+service.Name+"/"+entry.method.name] = entry
		}
	}
	return r
}

func violation(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "ramet module: broken link: "+format+"\n",
		arguments...)
	exit(1)
}

func (r *runtime) run() {
	go r.link.runWriter()
	buffer := make([]byte, 0, readBytes+frameHeaderBytes+maxPayloadBytes)
	greeted := false
	for {
		r.lock.Lock()
		at := 0
		for {
			var f frame
			count, err := parseFrame(buffer[at:], &f)
			if err != nil {
				violation("%v", err)
			}
			if count == 0 {
				break
			}
			at += count
			if greeted {
				r.onFrame(&f)
			} else {
				r.greet(&f)
				greeted = true
			}
		}
		r.exitIfDrained()
		r.link.waitForRoom(maxQueuedBytes)
		r.lock.Unlock()
		buffer = buffer[:copy(buffer[:cap(buffer)], buffer[at:])]
		count := r.link.read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+count]
	}
}

func (r *runtime) greet(f *frame) {
	var h hello
	var err error
	if f.handle == handleHello {
		h, err = parseHello(f.payload)
	}
	if err != nil || len(h.ancestorIDs) == 0 {
		violation("the first frame is no hello: %v", f)
	}
	r.ownID, r.ancestors = h.childID, h.ancestorIDs
	r.maxMessageBytes = defaultMaxMessageBytes
	if h.maxMessageBytes != 0 {
		r.maxMessageBytes = int(h.maxMessageBytes)
	}
	if r.options.MaxMessageBytes != 0 {
		r.maxMessageBytes = r.options.MaxMessageBytes
	}
	host, _ := os.Hostname()
	reply := appendNumber(nil, 1, protocolVersion)
	reply = appendBytes(reply, 2, []byte(platform()))
	reply = appendBytes(reply, 3, []byte(host))
	reply = appendNumber(reply, 4, uint64(os.Getpid()))
	reply = appendNumber(reply, 5, uint64(os.Geteuid()))
	r.send(&frame{dst: r.ancestors[0], src: r.ownID, auth: r.ownID,
		handle: handleHello, payload: reply})
	if h.version != protocolVersion {
		violation("the parent speaks protocol version %d, this module %d",
			h.version, protocolVersion)
	}
}

func platform() string {
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}
	if name, known := machine[goruntime.GOARCH]; known {
		return "linux-" + name
	}
	return "linux-" + goruntime.GOARCH
}

// Under the lock, from the goroutine that reads.

func (r *runtime) onFrame(f *frame) {
	if f.dst != r.ownID {
		violation("a frame for another context than %d: %v", r.ownID, f)
	}
	switch {
	case f.handle >= firstDynamicHandle:
		r.out.onFrame(f)
	case f.flags&flagDead != 0:
	case f.handle == handleCallFunction:
		r.onCallFrame(f)
	case f.handle == handleShutdown:
		r.draining = true
	case f.handle == handlePing:
		if f.replyTo != 0 {
			r.send(&frame{dst: f.src, src: r.ownID, auth: r.ownID,
				handle: f.replyTo, payload: f.payload})
		}
	default:
		violation("a frame for a handle that modules do not have: %v", f)
	}
}

func (r *runtime) onCallFrame(f *frame) {
	call := r.calls[callID{f.src, f.replyTo}]
	if call == nil {
		if begins, path := peekMethod(f.payload); begins {
			r.open(f, path)
		}
	} else if call.authority == f.auth && call.feed(f.payload) {
		r.start(call)
	}
}

func (r *runtime) open(f *frame, path string) {
	entry := r.methods[path]
	var refused *Error
	switch {
	case len(r.calls) >= maxOpenCalls:
		refused = Errorf(ResourceExhausted, "the module has %d calls to answer "+
			"already; try again when some are over", maxOpenCalls)
	case path == "":
		refused = Errorf(Internal, "malformed call headers")
	case entry == nil:
		refused = r.unknown(path)
	}
	// A context's own modules call in its name, and not on its authority.
	foreign := !r.isAbove(f.src) || !r.isAbove(f.auth)
	call := newServedCall(r, f, entry, foreign)
	if refused != nil {
		call.abort(refused)
		return
	}
	r.calls[call.key()] = call
	if call.feed(f.payload) {
		r.start(call)
	}
}

func (r *runtime) unknown(path string) *Error {
	names := strings.Split(path, "/")
	var services []string
	for _, service := range r.services {
		if service.Name == names[1] {
			return Errorf(Unimplemented, "service %s has no method %q",
				names[1], names[2])
		}
		services = append(services, service.Name)
	}
	return Errorf(Unimplemented, "the module does not serve %q; it serves %s",
		path, strings.Join(services, ", "))
}

func (r *runtime) isAbove(id uint32) bool {
	for _, each := range r.ancestors {
		if each == id {
			return true
		}
	}
	return false
}

func (r *runtime) start(call *servedCall) {
	// Streams are in no chain.
	if call.chained() {
		r.chains.onWhole(call)
	} else {
		r.admit(call)
	}
}

// admit is for a call whose turn it is: it waits for its service, or is served.
func (r *runtime) admit(call *servedCall) {
	if !call.entry.limited() {
		r.serveCall(call)
		return
	}
	// One that is refused makes it the turn of the next of its chain.
	r.toAdmit = append(r.toAdmit, call)
	if r.admitting {
		return
	}
	r.admitting = true
	for len(r.toAdmit) > 0 {
		next := r.toAdmit[0]
		r.toAdmit = r.toAdmit[1:]
		admitted, refused := r.admission.add(next)
		if refused != nil {
			next.abort(refused)
			r.leaveChain(next)
		} else if admitted {
			r.serveCall(next)
		}
	}
	r.toAdmit, r.admitting = nil, false
}

func (r *runtime) serveAll(calls []*servedCall) {
	// One that can't begin lets in the next.
	r.toServe = append(r.toServe, calls...)
	if r.serving {
		return
	}
	r.serving = true
	for len(r.toServe) > 0 {
		next := r.toServe[0]
		r.toServe = r.toServe[1:]
		r.serveCall(next)
	}
	r.toServe, r.serving = nil, false
}

func (r *runtime) serveCall(call *servedCall) {
	if !call.method.streams() {
		r.runUnary(call)
		return
	}
	which := idleIndex(call)
	if r.streams[0]+r.streams[1] >= r.options.MaxStreams ||
		(call.foreign && r.streams[1] >= r.options.MaxStreams/4) {
		call.abort(Errorf(ResourceExhausted, "the module serves as many "+
			"streaming calls as it may; try again when some are over"))
		return
	}
	r.begin(call, &r.streams[which])
}

// begin starts a method; running counts it.
func (r *runtime) begin(call *servedCall, running *int) {
	*running++
	r.admission.onBegin(call)
	go r.serve(call, running)
}

// onAborted: a call has its answer before its method has returned, or begun.
func (r *runtime) onAborted(call *servedCall) {
	waited, admitted := r.admission.onAborted(call)
	if call.chained() {
		r.chains.onAborted(call)
		if waited {
			// Its turn had come.
			r.leaveChain(call)
		}
	}
	r.serveAll(admitted)
}

// runUnary is for a unary call that nothing but MaxUnary keeps waiting.
func (r *runtime) runUnary(call *servedCall) {
	// Not ahead of those that wait for the place that has become free.
	if r.running < r.options.MaxUnary && len(r.waiting) == 0 {
		r.begin(call, &r.running)
		return
	}
	r.waiting = append(r.waiting, call)
	if len(r.waiting) <= 2*len(r.calls)+1024 {
		return
	}
	// Cancelled calls leave when there are more of them than others.
	all := r.waiting
	r.waiting = nil
	for _, each := range all {
		if !each.over {
			r.waiting = append(r.waiting, each)
		} else {
			r.leaveChain(each)
		}
	}
}

// serve runs a method, without the lock.
func (r *runtime) serve(call *servedCall, running *int) {
	err := call.method.serve(call.context, call)
	call.cancel()
	r.lock.Lock()
	defer r.lock.Unlock()
	*running--
	// Who has this answer finds that it has made room.
	r.serveAll(r.admission.onReturned(call))
	call.finish(toError(err))
	r.leaveChain(call)
	for len(r.waiting) > 0 && r.running < r.options.MaxUnary {
		next := r.waiting[0]
		r.waiting = r.waiting[1:]
		if next.over {
			// Cancelled, or its deadline passed: it has its answer.
			r.leaveChain(next)
			continue
		}
		r.begin(next, &r.running)
	}
	r.exitIfDrained()
}

func (r *runtime) leaveChain(call *servedCall) {
	if call.chained() {
		r.chains.onReturned(call)
	}
}

func (r *runtime) forget(call *servedCall) {
	if r.calls[call.key()] == call {
		delete(r.calls, call.key())
	}
}

func (r *runtime) send(f *frame) {
	r.link.write(f.appendTo(make([]byte, 0, frameHeaderBytes+len(f.payload))))
}

func (r *runtime) exitIfDrained() {
	if !r.draining || len(r.calls) > 0 || r.running > 0 ||
		r.streams[0]+r.streams[1] > 0 {
		return
	}
	r.link.waitForRoom(0)
	exit(0)
}

func bigEndian32(data []byte) uint32 { return binary.BigEndian.Uint32(data) }

// linkFromEnvironment is the link, or -1.
func linkFromEnvironment(text string) int {
	fd, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil || kind != syscall.SOCK_STREAM {
		return -1
	}
	return fd
}
