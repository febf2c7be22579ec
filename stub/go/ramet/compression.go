package ramet

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
)

// Compression of messages, each for itself; the wire's numbers.
type Compression uint32

const (
	NoCompression Compression = iota
	Deflate                   // zlib's format, RFC 1950
	Gzip                      // RFC 1952
)

const allCompressions = 1<<Deflate | 1<<Gzip

// compress gives nothing when that makes the message no smaller.
func compress(compression Compression, message []byte) []byte {
	if compression == NoCompression || len(message) == 0 {
		return nil
	}
	var out bytes.Buffer
	var writer io.WriteCloser
	// The fastest: somebody waits for the call.
	if compression == Gzip {
		writer, _ = gzip.NewWriterLevel(&out, gzip.BestSpeed)
	} else {
		writer, _ = zlib.NewWriterLevel(&out, zlib.BestSpeed)
	}
	writer.Write(message)
	writer.Close()
	if out.Len() >= len(message) {
		return nil
	}
	return out.Bytes()
}

func decompress(compression Compression, packed []byte,
	maxBytes int) ([]byte, *Error) {
	broken := Errorf(Internal, "a compressed message can't be decompressed")
	in := bytes.NewReader(packed)
	var reader io.Reader
	if compression == Gzip {
		unzip, err := gzip.NewReader(in)
		if err != nil {
			return nil, broken
		}
		unzip.Multistream(false)
		reader = unzip
	} else {
		inflate, err := zlib.NewReader(in)
		if err != nil {
			return nil, broken
		}
		reader = inflate
	}
	// The end of the data is only seen by reading beyond it.
	message, err := io.ReadAll(io.LimitReader(reader, int64(maxBytes)+1))
	if len(message) > maxBytes {
		return nil, Errorf(ResourceExhausted, "a compressed message of %d "+
			"bytes is longer than the limit of %d bytes when it is "+
			"decompressed", len(packed), maxBytes)
	}
	if err != nil || in.Len() > 0 {
		return nil, broken
	}
	return message, nil
}
