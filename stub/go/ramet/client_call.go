package ramet

import (
	"context"
	"io"
	"sync"
	"time"
)

// clientCall is a call that the module made, as bytes. Fields and methods are
// under the runtime's lock, where nothing else is said.
type clientCall struct {
	runtime           *runtime
	target, handle    uint32
	path              string
	changed           *sync.Cond
	sender            sender
	receiver          receiver
	messages          [][]byte
	initial, trailing Metadata
	failure           *Error
	closed, over      bool
	done              chan struct{}
}

// startCall begins a call that ends with ctx, and with its deadline. Without
// the lock.
func startCall(ctx context.Context, target Target, path string,
	options []CallOption) *clientCall {
	r := target.runtime
	c := &clientCall{runtime: r, target: target.id, path: path,
		changed: sync.NewCond(&r.lock), receiver: newReceiver(r.maxMessageBytes),
		done: make(chan struct{})}
	c.sender = newSender(func(payload []byte) { c.emit(payload, 0) })
	headers := callHeaders{method: path}
	for _, option := range options {
		option(&headers)
	}
	failure := headers.metadata.check()
	if err := ctx.Err(); err != nil && failure == nil {
		failure = toError(err)
	}
	if deadline, has := ctx.Deadline(); has && failure == nil {
		remaining := time.Until(deadline)
		if remaining <= 0 {
			failure = Errorf(DeadlineExceeded,
				"%s: the deadline had passed before the call", path)
		}
		headers.timeoutUs = uint64(remaining.Microseconds()) + 1
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	if failure != nil {
		c.end(failure)
		return c
	}
	r.out.add(c)
	c.sender.sendHeaders(headers.serialize())
	if ctx.Done() != nil {
		go c.watch(ctx)
	}
	return c
}

// watch ends the call with its context. Without the lock.
func (c *clientCall) watch(ctx context.Context) {
	select {
	case <-c.done:
	case <-ctx.Done():
		c.cancel(toError(ctx.Err()))
	}
}

// cancel is without the lock.
func (c *clientCall) cancel(failure *Error) {
	c.runtime.lock.Lock()
	defer c.runtime.lock.Unlock()
	c.stop(failure)
}

func (c *clientCall) stop(failure *Error) {
	if c.over {
		return
	}
	c.messages = nil
	c.end(failure)
	c.emit(cancelPayload(), 0)
}

func (c *clientCall) end(failure *Error) {
	if c.over {
		return
	}
	c.over, c.failure = true, failure
	c.runtime.out.forget(c)
	close(c.done)
	c.changed.Broadcast()
}

func (c *clientCall) onFrame(f *frame) {
	if f.flags&flagDead != 0 {
		dead, _, err := parseTrailers(f.payload)
		if err != nil || dead == nil {
			dead = Errorf(Unavailable, "dead reply without a reason")
		}
		c.end(&Error{Code: dead.Code, Message: dead.Message})
		return
	}
	for rest := f.payload; len(rest) > 0 && !c.over; {
		var p part
		var err error
		if p, rest, err = nextPart(rest); err != nil {
			c.stop(Errorf(Internal, "%v", err))
			return
		}
		if failure := c.onPart(p); failure != nil {
			c.stop(failure)
		}
	}
	if !c.over {
		c.grant()
	}
	c.changed.Broadcast()
}

func (c *clientCall) onPart(p part) *Error {
	switch p.kind {
	case partMessage:
		return c.receiver.messages(p.data,
			func(compressed bool, message []byte) *Error {
				if compressed {
					return Errorf(Unimplemented,
						"compressed messages are not supported")
				}
				c.messages = append(c.messages, message)
				return nil
			})
	case partWindow:
		if len(p.data) != 4 {
			return Errorf(Internal, "malformed window")
		}
		c.sender.addCredit(bigEndian32(p.data))
		c.sender.flush()
	case partHeaders, partTrailers:
		data, whole, failure := c.receiver.whole(p)
		if failure != nil || !whole {
			return failure
		}
		if p.kind == partHeaders {
			metadata, err := parseAnswerHeaders(data)
			if err != nil {
				return Errorf(Internal, "malformed headers of an answer")
			}
			c.initial = metadata
			return nil
		}
		failure, metadata, err := parseTrailers(data)
		if err != nil {
			failure = Errorf(Internal, "malformed trailers of an answer")
		}
		c.trailing = metadata
		c.end(failure)
	}
	return nil
}

func (c *clientCall) grant() {
	if grant := c.receiver.takeGrant(); grant > 0 {
		c.emit(windowPayload(grant), flagPriority)
	}
}

func (c *clientCall) emit(payload []byte, flags byte) {
	c.runtime.send(&frame{flags: flags, dst: c.target, src: c.runtime.ownID,
		auth: c.runtime.ownID, handle: handleCallFunction, replyTo: c.handle,
		payload: payload})
}

// Without the lock.

// write blocks while there is no room. An error: the call is over.
func (c *clientCall) write(data []byte, last bool) error {
	c.runtime.lock.Lock()
	defer c.runtime.lock.Unlock()
	if len(data) > c.runtime.maxMessageBytes {
		c.stop(Errorf(ResourceExhausted, "%s: request of %d bytes is longer "+
			"than the limit of %d bytes", c.path, len(data),
			c.runtime.maxMessageBytes))
	}
	for !c.over && len(c.sender.waiting) > 0 {
		c.changed.Wait()
	}
	if c.over || c.closed {
		return io.EOF
	}
	c.sender.sendMessage(data, false)
	if last {
		c.closed = true
		c.sender.sendEnd(partEnd, nil)
	}
	c.sender.flush()
	c.runtime.link.waitForRoom(maxWaitingBytes)
	return nil
}

func (c *clientCall) closeSend() {
	c.runtime.lock.Lock()
	defer c.runtime.lock.Unlock()
	if c.over || c.closed {
		return
	}
	c.closed = true
	c.sender.sendEnd(partEnd, nil)
	c.sender.flush()
}

// read blocks for a reply. io.EOF: the call ended with OK.
func (c *clientCall) read() ([]byte, error) {
	c.runtime.lock.Lock()
	defer c.runtime.lock.Unlock()
	for !c.over && len(c.messages) == 0 {
		c.changed.Wait()
	}
	if len(c.messages) == 0 {
		if c.failure != nil {
			return nil, c.failure
		}
		return nil, io.EOF
	}
	data := c.messages[0]
	c.messages = c.messages[1:]
	if !c.over {
		c.receiver.consume(len(data))
		c.grant()
	}
	return data, nil
}
