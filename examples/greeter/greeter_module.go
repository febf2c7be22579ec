// The service that runs on the target, in Go.
package main

import (
	"context"
	"os"

	"examples/greeter/greeterpb"
	"ramet"
)

type greeter struct {
	greeterpb.UnimplementedGreeterService
}

func (greeter) SayHello(ctx context.Context,
	request *greeterpb.HelloRequest) (*greeterpb.HelloReply, error) {
	message := "Hello!"
	if request.Name != "" {
		message = "Hello, " + request.Name + "!"
	}
	hostname, _ := os.Hostname()
	return &greeterpb.HelloReply{Message: message, Hostname: hostname,
		Pid: int64(os.Getpid()), Uid: int64(os.Getuid())}, nil
}

func main() { ramet.Run(greeterpb.NewGreeterService(greeter{})) }
