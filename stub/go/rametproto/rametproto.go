// Package rametproto turns protobuf messages into bytes and back, for generated
// code.
package rametproto

import "google.golang.org/protobuf/proto"

// Parse is a ramet.Parse of a message type T.
func Parse[T any, P interface {
	*T
	proto.Message
}](data []byte) (P, error) {
	message := P(new(T))
	return message, proto.Unmarshal(data, message)
}

// Serialize is the ramet.Serialize.
func Serialize[P proto.Message](message P) ([]byte, error) {
	return proto.Marshal(message)
}
