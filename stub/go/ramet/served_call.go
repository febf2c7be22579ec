package ramet

import (
	"context"
	"math"
	"sync"
	"time"
)

// servedCall is a call that came and is not answered yet. Fields and methods
// are under the runtime's lock, where nothing else is said.
type servedCall struct {
	runtime                   *runtime
	caller, authority, handle uint32
	entry                     *methodEntry // nil: no such method
	method                    *Method
	foreign                   bool
	changed                   *sync.Cond

	headers    callHeaders
	hasHeaders bool
	context    context.Context
	cancel     context.CancelFunc
	timer      *time.Timer
	deadline   time.Time

	arrival  uint64         // at its service
	stage    admissionStage // there
	receiver receiver
	maxBytes int // of a message
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

func newServedCall(r *runtime, f *frame, entry *methodEntry,
	foreign bool) *servedCall {
	c := &servedCall{runtime: r, caller: f.src, authority: f.auth,
		handle: f.replyTo, entry: entry, foreign: foreign,
		changed: sync.NewCond(&r.lock), maxBytes: r.maxMessageBytes}
	if entry != nil {
		c.method = entry.method
		if limit := entry.service.limits.MaxMessageBytes; limit > math.MaxInt {
			c.maxBytes = math.MaxInt
		} else if limit > 0 {
			c.maxBytes = int(limit)
		}
	}
	c.receiver = newReceiver(c.maxBytes)
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
