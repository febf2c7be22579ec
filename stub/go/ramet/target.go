package ramet

import (
	"context"
	"io"
)

// A Target is a context to call, in a method of a module; Call has them.
type Target struct {
	runtime *runtime
	id      uint32
}

// A CallOption says how one call is made. Its deadline is its context's.
type CallOption func(*callHeaders)

// WithMetadata sends pairs to the method.
func WithMetadata(metadata Metadata) CallOption {
	return func(headers *callHeaders) {
		headers.metadata = append(headers.metadata, metadata...)
	}
}

// A ClientStreamCall is a call that this module made, of any kind; generated
// stubs make them. One goroutine writes and one reads, at the same time.
type ClientStreamCall[Q, P any] struct {
	call      *clientCall
	serialize Serialize[Q]
	parse     Parse[P]
}

// StartCall begins a call, whose requests are to be written.
func StartCall[Q, P any](ctx context.Context, target Target, path string,
	serialize Serialize[Q], parse Parse[P],
	options []CallOption) *ClientStreamCall[Q, P] {
	return &ClientStreamCall[Q, P]{startCall(ctx, target, path, options),
		serialize, parse}
}

// StartOne begins a call of a method that takes one request.
func StartOne[Q, P any](ctx context.Context, target Target, path string,
	serialize Serialize[Q], parse Parse[P], request Q,
	options []CallOption) *ClientStreamCall[Q, P] {
	stream := StartCall(ctx, target, path, serialize, parse, options)
	if data, err := serialize(request); err != nil {
		stream.call.cancel(Errorf(InvalidArgument, "%s: %v", path, err))
	} else {
		stream.call.write(data, true)
	}
	return stream
}

// CallUnary makes a call of one request and one reply.
func CallUnary[Q, P any](ctx context.Context, target Target, path string,
	serialize Serialize[Q], parse Parse[P], request Q,
	options []CallOption) (P, error) {
	return StartOne(ctx, target, path, serialize, parse, request,
		options).Reply()
}

// Write blocks while the callee has no room. io.EOF: the call is over, and
// Read() or Reply() say why.
func (s *ClientStreamCall[Q, P]) Write(request Q) error {
	data, err := s.serialize(request)
	if err != nil {
		s.call.cancel(Errorf(InvalidArgument, "%s: %v", s.call.path, err))
		return io.EOF
	}
	return s.call.write(data, false)
}

// CloseSend says that no more requests come.
func (s *ClientStreamCall[Q, P]) CloseSend() { s.call.closeSend() }

// Read blocks for the next reply. io.EOF: the call has ended with OK; another
// error is its status.
func (s *ClientStreamCall[Q, P]) Read() (reply P, err error) {
	data, err := s.call.read()
	if err != nil {
		return reply, err
	}
	reply, err = s.parse(data)
	if err != nil {
		err = Errorf(Internal, "%s: the reply's %d bytes can't be read: %v",
			s.call.path, len(data), err)
		s.call.cancel(toError(err))
	}
	return reply, err
}

// Reply closes the requests and is the one reply, or the call's status.
func (s *ClientStreamCall[Q, P]) Reply() (reply P, err error) {
	s.CloseSend()
	reply, err = s.Read()
	if err != nil {
		if err == io.EOF {
			err = Errorf(Internal, "%s: OK and no reply", s.call.path)
		}
		return reply, err
	}
	if _, more := s.Read(); more != io.EOF {
		if more == nil {
			s.Cancel()
			more = Errorf(Internal, "%s: more than one reply", s.call.path)
		}
		return reply, more
	}
	return reply, nil
}

// Cancel ends the call.
func (s *ClientStreamCall[Q, P]) Cancel() {
	s.call.cancel(Errorf(Cancelled, "cancelled"))
}

// InitialMetadata blocks until the callee has sent something.
func (s *ClientStreamCall[Q, P]) InitialMetadata() Metadata {
	s.call.runtime.lock.Lock()
	defer s.call.runtime.lock.Unlock()
	for !s.call.over && s.call.initial == nil && len(s.call.messages) == 0 {
		s.call.changed.Wait()
	}
	return s.call.initial
}

// TrailingMetadata blocks until the call is over.
func (s *ClientStreamCall[Q, P]) TrailingMetadata() Metadata {
	<-s.call.done
	s.call.runtime.lock.Lock()
	defer s.call.runtime.lock.Unlock()
	return s.call.trailing
}
