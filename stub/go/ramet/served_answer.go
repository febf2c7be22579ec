package ramet

// How a served call is read by its method, answered and ended.

import (
	"io"
	"time"
)

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
	c.runtime.onAborted(c)
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
	if len(data) > c.maxBytes {
		return Errorf(ResourceExhausted, "reply of %d bytes is longer than "+
			"the limit of %d bytes", len(data), c.maxBytes)
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
		c.maxBytes)
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
