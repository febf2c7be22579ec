package ramet

import (
	"context"
	"errors"
	"io"
)

// A Method of a service, made by Unary, ServerStream, ClientStream or
// BidiStream.
type Method struct {
	name                          string
	streamRequests, streamReplies bool
	serial                        bool
	serve                         func(context.Context, *servedCall) error
}

func (m *Method) streams() bool { return m.streamRequests || m.streamReplies }

// Serial is the method with one call at a time; the others wait for it.
func (m Method) Serial() Method {
	m.serial = true
	return m
}

// A Service as the runtime sees it; generated code makes them. Whoever gives it
// to Run may say other limits before.
type Service struct {
	Name    string // "demo.v1.Greeter"
	Limits  Limits
	Methods []Method
}

// SetSerial says whether the method's calls run one at a time. It panics when
// there is no method of that name.
func (s *Service) SetSerial(method string, serial bool) {
	for i := range s.Methods {
		if s.Methods[i].name == method {
			s.Methods[i].serial = serial
			return
		}
	}
	panic("service " + s.Name + " has no method " + method)
}

// Limits of a service: the options of its .proto (docs/calls.md).
type Limits struct {
	// Methods that run at the same time, streams included; 0: no limit.
	MaxConcurrentCalls int64
	// Calls that wait because of that or of a serial method; 0: 1024.
	MaxQueuedCalls int64
	// Of a message, in both directions; 0: what the module has.
	MaxMessageBytes int64
}

// NoQueue as MaxQueuedCalls: none waits.
const NoQueue = -1

// As many calls as wait for a service whose author has not said how many.
const defaultMaxQueuedCalls = 1024

func (l *Limits) maxQueued() int64 {
	switch {
	case l.MaxQueuedCalls == 0:
		return defaultMaxQueuedCalls
	case l.MaxQueuedCalls < 0:
		return 0
	}
	return l.MaxQueuedCalls
}

// Parse and Serialize turn bytes into messages and back; ParseBytes and
// SerializeBytes are those of services whose messages are bytes, package
// rametproto has those of protobuf.
type (
	Parse[T any]     func([]byte) (T, error)
	Serialize[T any] func(T) ([]byte, error)
)

func ParseBytes(data []byte) ([]byte, error)     { return data, nil }
func SerializeBytes(data []byte) ([]byte, error) { return data, nil }

// Unary takes one request and gives one reply.
func Unary[Q, P any](name string, parse Parse[Q], serialize Serialize[P],
	serve func(context.Context, Q) (P, error)) Method {
	return Method{name: name,
		serve: func(ctx context.Context, call *servedCall) error {
			request, err := readOne(call, parse)
			if err != nil {
				return err
			}
			reply, err := serve(ctx, request)
			if err != nil {
				return err
			}
			return writeOne(call, serialize, reply)
		}}
}

// ServerStream takes one request and gives any number of replies.
func ServerStream[Q, P any](name string, parse Parse[Q],
	serialize Serialize[P],
	serve func(context.Context, Q, *Writer[P]) error) Method {
	return Method{name: name, streamReplies: true,
		serve: func(ctx context.Context, call *servedCall) error {
			request, err := readOne(call, parse)
			if err != nil {
				return err
			}
			return serve(ctx, request, &Writer[P]{call, serialize})
		}}
}

// ClientStream takes any number of requests and gives one reply.
func ClientStream[Q, P any](name string, parse Parse[Q],
	serialize Serialize[P],
	serve func(context.Context, *Reader[Q]) (P, error)) Method {
	return Method{name: name, streamRequests: true,
		serve: func(ctx context.Context, call *servedCall) error {
			reply, err := serve(ctx, &Reader[Q]{call, parse})
			if err != nil {
				return err
			}
			return writeOne(call, serialize, reply)
		}}
}

// BidiStream takes and gives any number.
func BidiStream[Q, P any](name string, parse Parse[Q], serialize Serialize[P],
	serve func(context.Context, *Reader[Q], *Writer[P]) error) Method {
	return Method{name: name, streamRequests: true, streamReplies: true,
		serve: func(ctx context.Context, call *servedCall) error {
			return serve(ctx, &Reader[Q]{call, parse},
				&Writer[P]{call, serialize})
		}}
}

// A Reader has the requests of a method whose caller streams, until the method
// returns. One goroutine reads at a time; another may write meanwhile.
type Reader[Q any] struct {
	call  *servedCall
	parse Parse[Q]
}

// Read blocks for the next request. io.EOF: there are no more. Another error:
// the call is over, and what the method returns goes nowhere.
func (r *Reader[Q]) Read() (request Q, err error) {
	data, err := r.call.read()
	if err != nil {
		return request, err
	}
	request, err = parseRequest(data, r.parse)
	if err != nil {
		// The method could only guess at it.
		r.call.fail(toError(err))
	}
	return request, err
}

// A Writer takes the replies of a method that streams.
type Writer[P any] struct {
	call      *servedCall
	serialize Serialize[P]
}

// Write blocks while the caller has no room for the replies before this one.
// An error: the call is over.
func (w *Writer[P]) Write(reply P) error {
	data, err := serializeReply(reply, w.serialize)
	if err == nil {
		err = w.call.write(data)
	}
	if err != nil {
		w.call.fail(toError(err))
	}
	return err
}

func readOne[Q any](call *servedCall, parse Parse[Q]) (request Q, err error) {
	data, err := call.read()
	if err == io.EOF {
		err = errors.New("no request")
	}
	if err != nil {
		return request, err
	}
	return parseRequest(data, parse)
}

func parseRequest[Q any](data []byte, parse Parse[Q]) (Q, error) {
	request, err := parse(data)
	if err != nil {
		err = Errorf(InvalidArgument, "the request's %d bytes can't be read: %v",
			len(data), err)
	}
	return request, err
}

func serializeReply[P any](reply P, serialize Serialize[P]) ([]byte, error) {
	data, err := serialize(reply)
	if err != nil {
		err = Errorf(Internal, "the reply can't be serialized: %v", err)
	}
	return data, err
}

func writeOne[P any](call *servedCall, serialize Serialize[P], reply P) error {
	data, err := serializeReply(reply, serialize)
	if err == nil {
		call.setReply(data)
	}
	return err
}
