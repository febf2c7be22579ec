package ramet

import (
	"context"
	"io"
	"sync"
	"time"
)

// servedCall is a call that came and is not answered yet. Fields and methods
// are under the runtime's lock, where nothing else is said.
type servedCall struct {
	runtime                   *runtime
	caller, authority, handle uint32
	method                    *Method
	foreign                   bool
	changed                   *sync.Cond

	headers    callHeaders
	hasHeaders bool
	context    context.Context
	cancel     context.CancelFunc
	timer      *time.Timer
	deadline   time.Time

	receiver receiver
	messages []message
	seen     int
	started  bool
	ended    bool
	whole    bool // for chains
	held     int

	sender            sender
	initial, trailing Metadata
	initialSent       bool
	compression       Compression
	replyEncoding     Compression
	requestCompressed bool
	reply             []byte // of a method that gives one
	hasReply          bool
	unsent            int

	failure  *Error // what it failed with, for chains
	finished bool   // the method has returned
	over     bool   // its answer is out, or on its way
}

type message struct {
	compressed bool
	data       []byte
}

// A century is no limit.
const foreverUs = 100 * 365 * 24 * 3600 * 1000000

var errOver = &Error{Code: Cancelled, Message: "the call is over"}

func newServedCall(r *runtime, f *frame, method *Method,
	foreign bool) *servedCall {
	c := &servedCall{runtime: r, caller: f.src, authority: f.auth,
		handle: f.replyTo, method: method, foreign: foreign,
		changed:  sync.NewCond(&r.lock),
		receiver: newReceiver(r.maxMessageBytes)}
	c.sender = newSender(func(payload []byte) { c.emit(payload, 0) })
	return c
}

func (c *servedCall) key() callID { return callID{c.caller, c.handle} }

func (c *servedCall) chainKey() chainKey {
	return chainKey{c.caller, c.authority, c.headers.chain.id}
}

func (c *servedCall) chained() bool { return c.headers.chain.id != 0 }

// From the link.

// feed says whether its method is to be started now.
func (c *servedCall) feed(payload []byte) (start bool) {
	for rest := payload; len(rest) > 0 && !c.over; {
		var p part
		var err error
		if p, rest, err = nextPart(rest); err != nil {
			c.abort(Errorf(Internal, "%v", err))
			break
		}
		if failure := c.onPart(p); failure != nil {
			c.abort(failure)
		}
	}
	if c.over || c.finished {
		return false
	}
	c.grant()
	if c.started || !c.hasHeaders || !(c.ended || c.method.streamRequests) {
		return false
	}
	c.started = true
	return true
}

func (c *servedCall) onPart(p part) *Error {
	switch p.kind {
	case partMessage:
		if !c.finished {
			if !c.runtime.held.take(len(p.data), c.foreign) {
				return Errorf(ResourceExhausted, "the module holds as many "+
					"bytes of requests as it may; try again when it has "+
					"served some")
			}
			c.held += len(p.data)
		}
		return c.receiver.messages(p.data, c.onMessage)
	case partWindow:
		if len(p.data) != 4 {
			return Errorf(Internal, "malformed window")
		}
		c.sender.addCredit(bigEndian32(p.data))
		c.flush()
		c.changed.Broadcast()
	case partCancel:
		return Errorf(Cancelled, "the caller cancelled")
	case partEnd:
		return c.onEnd()
	default:
		data, whole, failure := c.receiver.whole(p)
		if failure != nil || !whole {
			return failure
		}
		if p.kind == partTrailers {
			return Errorf(Internal, "trailers from a caller")
		}
		return c.onHeaders(data)
	}
	return nil
}

func (c *servedCall) onHeaders(data []byte) *Error {
	headers, err := parseCallHeaders(data)
	if err != nil || c.hasHeaders {
		return Errorf(Internal, "malformed call headers")
	}
	c.headers, c.hasHeaders = headers, true
	ctx := context.WithValue(context.Background(), callKey{}, &Call{c})
	if headers.timeoutUs > 0 && headers.timeoutUs <= foreverUs {
		timeout := time.Duration(headers.timeoutUs) * time.Microsecond
		c.deadline = time.Now().Add(timeout)
		c.context, c.cancel = context.WithDeadline(ctx, c.deadline)
		c.timer = time.AfterFunc(timeout, c.onDeadline)
	} else {
		c.context, c.cancel = context.WithCancel(ctx)
	}
	if c.chained() {
		return c.runtime.chains.add(c)
	}
	return nil
}

// Without the lock.
func (c *servedCall) onDeadline() {
	c.runtime.lock.Lock()
	defer c.runtime.lock.Unlock()
	c.abort(Errorf(DeadlineExceeded, "deadline passed"))
	c.runtime.exitIfDrained()
}

func (c *servedCall) onMessage(compressed bool, data []byte) *Error {
	switch {
	case c.finished:
		return nil
	case !c.hasHeaders:
		return Errorf(Internal, "a message without headers")
	case c.ended:
		return Errorf(Internal, "a message behind the end")
	case compressed && c.headers.encoding > uint32(Gzip):
		return Errorf(Unimplemented, "no compression with number %d",
			c.headers.encoding)
	case compressed && c.headers.encoding == 0:
		return Errorf(Internal,
			"a compressed message, but the headers name no compression")
	}
	if c.seen++; c.seen > 1 && !c.method.streamRequests {
		return c.oneRequest("more")
	}
	c.messages = append(c.messages, message{compressed, data})
	c.changed.Broadcast()
	return nil
}

func (c *servedCall) onEnd() *Error {
	switch {
	case c.finished:
		return nil
	case !c.hasHeaders:
		return Errorf(Internal, "a call without headers")
	case c.seen == 0 && !c.method.streamRequests:
		return c.oneRequest("none")
	}
	c.ended = true
	c.changed.Broadcast()
	return nil
}

func (c *servedCall) oneRequest(got string) *Error {
	which := "a unary"
	if c.method.streams() {
		which = "this"
	}
	return Errorf(InvalidArgument, "%s method takes one request, and got %s",
		which, got)
}

// abort ends it at once, whatever its method is doing.
func (c *servedCall) abort(failure *Error) {
	if c.over {
		return
	}
	if !c.finished {
		c.failure = failure
	}
	c.drop()
	c.end()
	parts := partWriter{emit: func(payload []byte) { c.emit(payload, 0) }}
	parts.add(partTrailers, serializeTrailers(failure, nil))
	parts.flush()
	c.runtime.unsent.give(c.unsent, c.foreign)
	c.unsent = 0
	if c.chained() {
		c.runtime.chains.onAborted(c)
	}
}

// end: the last frame is about to go out.
func (c *servedCall) end() {
	c.over = true
	c.runtime.forget(c)
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.cancel != nil {
		c.cancel()
	}
	c.changed.Broadcast()
}

func (c *servedCall) drop() {
	c.messages = nil
	c.runtime.held.give(c.held, c.foreign)
	c.held = 0
}

func (c *servedCall) finish(failure *Error) {
	if c.over || c.finished {
		return
	}
	if !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
		// Its own clock tells a method so before the runtime's timer.
		c.abort(Errorf(DeadlineExceeded, "deadline passed"))
		return
	}
	if failure == nil && c.hasReply {
		failure = c.sendMessage(c.reply)
	}
	c.sendInitial()
	c.finished, c.failure = true, failure
	c.drop()
	c.sender.sendEnd(partTrailers, serializeTrailers(failure, c.trailing))
	c.flush()
}

func (c *servedCall) sendInitial() {
	if c.initialSent || c.over || c.finished {
		return
	}
	c.initialSent = true
	c.replyEncoding = c.compression
	data := serializeAnswerHeaders(c.initial, c.replyEncoding)
	if len(data) > 0 {
		c.sender.sendHeaders(data)
	}
}

func (c *servedCall) sendMessage(data []byte) *Error {
	if len(data) > c.runtime.maxMessageBytes {
		return Errorf(ResourceExhausted, "reply of %d bytes is longer than "+
			"the limit of %d bytes", len(data), c.runtime.maxMessageBytes)
	}
	c.sendInitial()
	if c.compression != NoCompression && c.compression == c.replyEncoding {
		if packed := compress(c.compression, data); packed != nil {
			c.sender.sendMessage(packed, true)
			return nil
		}
	}
	c.sender.sendMessage(data, false)
	return nil
}

func (c *servedCall) flush() {
	if c.sender.finished && !c.over {
		// The caller may use its handle again when it has the last frame.
		c.end()
	}
	c.sender.flush()
	unsent := 0
	if c.finished {
		unsent = len(c.sender.waiting)
	}
	if unsent <= c.unsent {
		c.runtime.unsent.give(c.unsent-unsent, c.foreign)
	} else if !c.runtime.unsent.take(unsent-c.unsent, c.foreign) {
		c.failure = Errorf(ResourceExhausted, "the module keeps as many bytes "+
			"of replies as it may, for callers that take them slowly; try "+
			"again when they have")
		c.abort(c.failure)
		return
	}
	c.unsent = unsent
}

func (c *servedCall) grant() {
	if c.ended {
		return
	}
	if grant := c.receiver.takeGrant(); grant > 0 {
		c.emit(windowPayload(grant), flagPriority)
	}
}

func (c *servedCall) emit(payload []byte, flags byte) {
	c.runtime.send(&frame{flags: flags, dst: c.caller, src: c.runtime.ownID,
		auth: c.runtime.ownID, handle: c.handle, payload: payload})
}

// Without the lock, on goroutines of methods.

func (c *servedCall) read() ([]byte, error) {
	c.runtime.lock.Lock()
	for !c.over && !c.finished && !c.ended && len(c.messages) == 0 {
		c.changed.Wait()
	}
	if c.over || c.finished {
		c.runtime.lock.Unlock()
		return nil, errOver
	}
	if len(c.messages) == 0 {
		c.runtime.lock.Unlock()
		return nil, io.EOF
	}
	next := c.messages[0]
	c.messages = c.messages[1:]
	size := prefixBytes + len(next.data)
	c.runtime.held.give(size, c.foreign)
	c.held -= size
	c.receiver.consume(len(next.data))
	c.requestCompressed = next.compressed
	c.grant()
	c.runtime.lock.Unlock()
	if !next.compressed {
		return next.data, nil
	}
	data, failure := decompress(Compression(c.headers.encoding), next.data,
		c.runtime.maxMessageBytes)
	if failure != nil {
		c.fail(failure)
		return nil, failure
	}
	return data, nil
}

func (c *servedCall) write(data []byte) error {
	c.runtime.lock.Lock()
	defer c.runtime.lock.Unlock()
	for !c.over && !c.finished && len(c.sender.waiting) > 0 {
		c.changed.Wait()
	}
	if c.over || c.finished {
		return errOver
	}
	if failure := c.sendMessage(data); failure != nil {
		return failure
	}
	c.sender.flush()
	c.runtime.link.waitForRoom(maxWaitingBytes)
	return nil
}

// setReply is the one reply of a method that gives one.
func (c *servedCall) setReply(data []byte) { c.reply, c.hasReply = data, true }

// fail ends a stream that can't go on.
func (c *servedCall) fail(failure *Error) {
	c.runtime.lock.Lock()
	defer c.runtime.lock.Unlock()
	if c.method.streams() {
		c.abort(failure)
	}
}
