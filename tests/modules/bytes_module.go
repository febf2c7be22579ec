// conformance.v1.Conformance in Go, of messages that stay bytes.
package main

import (
	"context"
	"io"

	"ramet"
	"tests/modules/conformancepb"
)

type conformance struct {
	conformancepb.UnimplementedConformanceService
}

func (conformance) Unary(_ context.Context, request []byte) ([]byte, error) {
	return request, nil
}

func (conformance) BidiStream(_ context.Context,
	requests *ramet.Reader[[]byte], replies *ramet.Writer[[]byte]) error {
	for {
		request, err := requests.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := replies.Write(request); err != nil {
			return err
		}
	}
}

func main() { ramet.Run(conformancepb.NewConformanceService(conformance{})) }
