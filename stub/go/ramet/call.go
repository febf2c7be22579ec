package ramet

import "context"

// A Call is what a method knows of its call beside the request, and answers
// beside the reply. Deadline and cancellation are its context's. Any goroutine
// may use it, until the method returns.
type Call struct{ served *servedCall }

type callKey struct{}

// CallOf is the call that a method's context belongs to.
func CallOf(ctx context.Context) *Call {
	call, _ := ctx.Value(callKey{}).(*Call)
	return call
}

// Method is "/demo.v1.Greeter/SayHello".
func (c *Call) Method() string { return c.served.headers.method }

// Caller is the id of the context that calls, Authority that of the context on
// whose authority it does.
func (c *Call) Caller() uint32    { return c.served.caller }
func (c *Call) Authority() uint32 { return c.served.authority }

// Metadata is the caller's.
func (c *Call) Metadata() Metadata { return c.served.headers.metadata }

// RequestCompressed tells it of the request that was read last.
func (c *Call) RequestCompressed() bool {
	c.served.runtime.lock.Lock()
	defer c.served.runtime.lock.Unlock()
	return c.served.requestCompressed
}

// SetInitialMetadata is what goes ahead of the first reply. An error: it may
// not travel, or something has gone already.
func (c *Call) SetInitialMetadata(metadata Metadata) error {
	return c.set(&c.served.initial, metadata, true)
}

// SetTrailingMetadata is what goes with the end of the call.
func (c *Call) SetTrailingMetadata(metadata Metadata) error {
	return c.set(&c.served.trailing, metadata, false)
}

func (c *Call) set(which *Metadata, metadata Metadata, initial bool) error {
	if failure := metadata.check(); failure != nil {
		return failure
	}
	c.served.runtime.lock.Lock()
	defer c.served.runtime.lock.Unlock()
	if initial && c.served.initialSent {
		return Errorf(FailedPrecondition, "initial metadata was sent already")
	}
	*which = append(Metadata(nil), metadata...)
	return nil
}

// SendInitialMetadata sends it now, not with the first reply.
func (c *Call) SendInitialMetadata() {
	c.served.runtime.lock.Lock()
	defer c.served.runtime.lock.Unlock()
	c.served.sendInitial()
	c.served.sender.flush()
}

// CompressReplies compresses replies from now on, if that makes them smaller
// and the caller takes it. What is asked for only after the first reply has
// gone has no effect.
func (c *Call) CompressReplies(compression Compression) {
	c.served.runtime.lock.Lock()
	defer c.served.runtime.lock.Unlock()
	if compression == NoCompression ||
		c.served.headers.accepted&allCompressions>>compression&1 != 0 {
		c.served.compression = compression
	}
}

// Contexts that the method may call, on its module's authority. A call with the
// method's context.Context ends with it.

func (c *Call) Master() Target {
	ancestors := c.served.runtime.ancestors
	return c.ContextByID(ancestors[len(ancestors)-1])
}

// OwnContext is the module's own.
func (c *Call) OwnContext() Target {
	return c.ContextByID(c.served.runtime.ancestors[0])
}

// Parent is the own context's parent.
func (c *Call) Parent() Target {
	if len(c.served.runtime.ancestors) == 1 {
		return c.OwnContext()
	}
	return c.ContextByID(c.served.runtime.ancestors[1])
}

func (c *Call) CallerContext() Target { return c.ContextByID(c.served.caller) }

func (c *Call) ContextByID(id uint32) Target {
	return Target{c.served.runtime, id}
}
