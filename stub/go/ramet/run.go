// Package ramet is what a ramet module in Go is made with. It needs the
// standard library only, and no cgo.
//
//	type greeter struct{ greeterpb.UnimplementedGreeterService }
//
//	func (greeter) SayHello(ctx context.Context,
//		request *greeterpb.HelloRequest) (*greeterpb.HelloReply, error) {
//		return &greeterpb.HelloReply{Message: "Hello, " + request.Name}, nil
//	}
//
//	func main() { ramet.Run(greeterpb.NewGreeterService(greeter{})) }
//
// A method's context ends with its call: by its deadline, when nobody waits for
// the answer any more, or when the method has returned. CallOf(ctx) has the
// rest of it: metadata, and the contexts to call. docs/module_protocol.md says
// what travels.
package ramet

import (
	"fmt"
	"os"
	"strings"
)

// Options of a module.
type Options struct {
	// Unary methods that run at the same time; 0: 64.
	MaxUnary int
	// Streaming methods that run at the same time, of which a quarter may be
	// for callers that are not above the module's context; 0: 256.
	MaxStreams int
	// Of a message, in both directions; 0: what the context says, 4 MiB.
	MaxMessageBytes int
}

const linkVariable = "RAMET_MODULE_FD"

// Run serves the services until the module's context ends it; never returns.
func Run(services ...Service) { RunWith(Options{}, services...) }

// RunWith does the same with other limits.
func RunWith(options Options, services ...Service) {
	if options.MaxUnary <= 0 {
		options.MaxUnary = 64
	}
	if options.MaxStreams <= 0 {
		options.MaxStreams = 256
	}
	r := newRuntime(services, options)
	fd := linkFromEnvironment(os.Getenv(linkVariable))
	if fd < 0 {
		names := make([]string, len(services))
		for i, service := range services {
			names[i] = service.Name
		}
		fmt.Fprintf(os.Stderr, "This is a ramet module; it serves %s.\n"+
			"An agent starts it, with its link in %s. To call it:\n"+
			"  ramet call TARGET SERVICE/METHOD --module FILE.rmod\n",
			strings.Join(names, ", "), linkVariable)
		os.Exit(2)
	}
	os.Unsetenv(linkVariable)
	var err error
	if r.link, err = newLink(fd, &r.lock); err != nil {
		violation("%v", err)
	}
	r.run()
}
