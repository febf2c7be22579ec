// conformance.v1.Conformance in Go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"ramet"
	pb "tests/modules/conformancepb"
)

type conformance struct {
	pb.UnimplementedConformanceService
}

// prepare does all that a request asks for before its reply.
func prepare(ctx context.Context, request *pb.Request) error {
	call := ramet.CallOf(ctx)
	if request.Print != "" {
		fmt.Println(request.Print)
	}
	if request.PrintError != "" {
		fmt.Fprintln(os.Stderr, request.PrintError)
	}
	if request.Metadata {
		if err := call.SetInitialMetadata(ramet.Metadata{{"x-initial", "one"},
			{"x-initial-bin", "\x00\xff"}}); err != nil {
			return err
		}
		var echo ramet.Metadata
		for _, pair := range call.Metadata() {
			if strings.HasPrefix(pair.Key, "x-echo") {
				echo = append(echo, pair)
			}
		}
		if err := call.SetTrailingMetadata(echo); err != nil {
			return err
		}
	}
	if request.Compression != 0 {
		call.CompressReplies(ramet.Compression(request.Compression))
	}
	if request.Early {
		call.SendInitialMetadata()
	}
	if request.Wait {
		<-ctx.Done()
		fmt.Println("over")
	}
	if request.Code != 0 {
		return &ramet.Error{Code: ramet.Code(request.Code),
			Message: request.Text, Details: request.Details}
	}
	if request.Crash {
		return errors.New("as asked")
	}
	return nil
}

func reply(ctx context.Context, request *pb.Request) *pb.Reply {
	call := ramet.CallOf(ctx)
	_, hasDeadline := ctx.Deadline()
	reply := &pb.Reply{Payload: request.Payload,
		RequestCompressed: call.RequestCompressed(), Caller: call.Caller(),
		Authority: call.Authority(), Deadline: hasDeadline}
	if request.ReplyBytes > 0 {
		reply.Payload = make([]byte, request.ReplyBytes)
	}
	return reply
}

func (conformance) Unary(ctx context.Context,
	request *pb.Request) (*pb.Reply, error) {
	if err := prepare(ctx, request); err != nil {
		return nil, err
	}
	return reply(ctx, request), nil
}

func (conformance) ServerStream(ctx context.Context, request *pb.Request,
	replies *ramet.Writer[*pb.Reply]) error {
	if err := prepare(ctx, request); err != nil {
		return err
	}
	for i := uint32(0); i < request.ReplyCount; i++ {
		if err := replies.Write(reply(ctx, request)); err != nil {
			return err
		}
	}
	return nil
}

func (conformance) ClientStream(ctx context.Context,
	requests *ramet.Reader[*pb.Request]) (*pb.Reply, error) {
	count := &pb.Reply{}
	last := &pb.Request{}
	for {
		request, err := requests.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		last = request
		count.Requests++
		count.RequestBytes += uint64(len(request.Payload))
	}
	return count, prepare(ctx, last)
}

func (conformance) BidiStream(ctx context.Context,
	requests *ramet.Reader[*pb.Request],
	replies *ramet.Writer[*pb.Reply]) error {
	for {
		request, err := requests.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := prepare(ctx, request); err != nil {
			return err
		}
		if err := replies.Write(reply(ctx, request)); err != nil {
			return err
		}
	}
}

func (conformance) Relay(ctx context.Context,
	request *pb.RelayRequest) (*pb.RelayReply, error) {
	stub := pb.NewConformanceStub(
		ramet.CallOf(ctx).ContextByID(request.Target))
	if request.TimeoutMs > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx,
			time.Duration(request.TimeoutMs)*time.Millisecond)
		defer cancel()
	}
	var options []ramet.CallOption
	if request.Metadata {
		options = append(options,
			ramet.WithMetadata(ramet.Metadata{{"x-relay", "yes"}}))
	}
	answer := &pb.RelayReply{}
	err := relay(ctx, stub, request, options, answer)
	var failure *ramet.Error
	if errors.As(err, &failure) {
		answer.Code, answer.Text = uint32(failure.Code), failure.Message
	}
	return answer, nil
}

func relay(ctx context.Context, stub *pb.ConformanceStub,
	request *pb.RelayRequest, options []ramet.CallOption,
	answer *pb.RelayReply) error {
	add := func(reply *pb.Reply) {
		answer.Payloads = append(answer.Payloads, reply.Payload)
	}
	if request.Kind == pb.RelayRequest_UNARY {
		reply, err := stub.Unary(ctx, request.Requests[0], options...)
		if err == nil {
			add(reply)
		}
		return err
	}
	if request.Kind == pb.RelayRequest_CLIENT_STREAM {
		call := stub.ClientStream(ctx, options...)
		for _, each := range request.Requests {
			if call.Write(each) != nil {
				break
			}
		}
		reply, err := call.Reply()
		if err == nil {
			add(reply)
		}
		return err
	}
	var call *ramet.ClientStreamCall[*pb.Request, *pb.Reply]
	if request.Kind == pb.RelayRequest_SERVER_STREAM {
		call = stub.ServerStream(ctx, request.Requests[0], options...)
	} else {
		call = stub.BidiStream(ctx, options...)
		for _, each := range request.Requests {
			if call.Write(each) != nil {
				break
			}
		}
		call.CloseSend()
	}
	for {
		reply, err := call.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		add(reply)
	}
}

// limited has the methods of conformance.
type limited struct{ conformance }

func (l limited) Serial(ctx context.Context,
	request *pb.Request) (*pb.Reply, error) {
	return l.Unary(ctx, request)
}

func main() {
	overridden := pb.NewOverriddenService(conformance{})
	overridden.Limits = ramet.Limits{MaxConcurrentCalls: 1, MaxQueuedCalls: 1}
	overridden.SetSerial("Unary", false)
	ramet.Run(pb.NewConformanceService(conformance{}),
		pb.NewLimitedService(limited{}), overridden)
}
