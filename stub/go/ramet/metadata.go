package ramet

import "strings"

// A Pair of metadata. Keys are lower case; the value of one that ends in -bin
// may be any bytes, others are printable ASCII.
type Pair struct{ Key, Value string }

// Metadata of a call or an answer; a key may be there several times.
type Metadata []Pair

const maxMetadataBytes = 64 * 1024

// Get is the first value of a key.
func (m Metadata) Get(key string) (value string, found bool) {
	for _, pair := range m {
		if pair.Key == key {
			return pair.Value, true
		}
	}
	return "", false
}

func (m Metadata) check() *Error {
	size := 0
	for _, pair := range m {
		if pair.Key == "" || strings.Trim(pair.Key,
			"abcdefghijklmnopqrstuvwxyz0123456789_-.") != "" {
			return Errorf(InvalidArgument,
				"a metadata key has characters other than a-z 0-9 _ - .")
		}
		if strings.HasPrefix(pair.Key, "grpc-") {
			return Errorf(InvalidArgument,
				"metadata key %s: grpc- is reserved for gRPC", pair.Key)
		}
		if !strings.HasSuffix(pair.Key, "-bin") && !printable(pair.Value) {
			return Errorf(InvalidArgument, "metadata %s: the value is not "+
				"printable ASCII; a key that ends in -bin takes any bytes",
				pair.Key)
		}
		size += len(pair.Key) + len(pair.Value)
	}
	if size > maxMetadataBytes {
		return Errorf(InvalidArgument, "metadata of %d bytes is longer than "+
			"the limit of %d bytes", size, maxMetadataBytes)
	}
	return nil
}

func printable(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

func (m Metadata) appendTo(out []byte, field int) []byte {
	for _, pair := range m {
		entry := appendBytes(nil, 1, []byte(pair.Key))
		entry = appendBytes(entry, 2, []byte(pair.Value))
		out = appendWhole(out, field, entry)
	}
	return out
}

func (m *Metadata) parse(data []byte) error {
	var pair Pair
	err := eachField(data, func(field int, _ uint64, bytes []byte) error {
		switch field {
		case 1:
			pair.Key = string(bytes)
		case 2:
			pair.Value = string(bytes)
		}
		return nil
	})
	*m = append(*m, pair)
	return err
}
