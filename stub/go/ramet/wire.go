package ramet

// Frames and parts as bytes: docs/wire_format.md. Pure.

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	protocolVersion = 1

	handleHello        = 1
	handleCallFunction = 5
	handleShutdown     = 10
	handlePing         = 12
	firstDynamicHandle = 1000

	flagPriority = 1
	flagDead     = 4

	frameHeaderBytes = 28
	maxPayloadBytes  = 65536
	partHeaderBytes  = 4
	maxPartBytes     = maxPayloadBytes - partHeaderBytes
	prefixBytes      = 5

	initialWindowBytes     = 256 * 1024
	defaultMaxMessageBytes = 4 * 1024 * 1024
	// Headers and trailers: room for an error text of 1 MiB and its details.
	maxHeadersBytes = 4 * 1024 * 1024
)

type partKind byte

const (
	partHeaders partKind = 1 + iota
	partMessage
	partEnd
	partTrailers
	partCancel
	partWindow
)

const partContinues = 1

type frame struct {
	flags                           byte
	dst, src, auth, handle, replyTo uint32
	payload                         []byte
}

func (f *frame) String() string {
	return fmt.Sprintf("dst %d src %d auth %d handle %d reply_to %d flags %d",
		f.dst, f.src, f.auth, f.handle, f.replyTo, f.flags)
}

func (f *frame) appendTo(out []byte) []byte {
	out = append(out, 'R', 'M', protocolVersion, f.flags)
	for _, field := range [...]uint32{f.dst, f.src, f.auth, f.handle, f.replyTo,
		uint32(len(f.payload))} {
		out = binary.BigEndian.AppendUint32(out, field)
	}
	return append(out, f.payload...)
}

// parseFrame takes the frame at the front of data, whose payload stays there.
// It gives the frame's bytes, 0 when it is not whole yet.
func parseFrame(data []byte, f *frame) (int, error) {
	if len(data) < frameHeaderBytes {
		return 0, nil
	}
	if data[0] != 'R' || data[1] != 'M' {
		return 0, fmt.Errorf("a frame with magic %x", data[:2])
	}
	if data[2] != protocolVersion {
		return 0, fmt.Errorf("a frame of version %d", data[2])
	}
	f.flags = data[3]
	if f.flags&^(flagPriority|flagDead) != 0 {
		return 0, fmt.Errorf("a frame with flags %d", f.flags)
	}
	field := func(i int) uint32 { return binary.BigEndian.Uint32(data[4+4*i:]) }
	f.dst, f.src, f.auth, f.handle, f.replyTo =
		field(0), field(1), field(2), field(3), field(4)
	length := field(5)
	if length > maxPayloadBytes {
		return 0, fmt.Errorf("a frame of %d bytes", length)
	}
	end := frameHeaderBytes + int(length)
	if len(data) < end {
		return 0, nil
	}
	f.payload = data[frameHeaderBytes:end]
	return end, nil
}

type part struct {
	kind      partKind
	continues bool
	data      []byte
}

var errMalformedFrame = errors.New("malformed call frame")

// nextPart takes the part at the front of a payload that is not empty.
func nextPart(payload []byte) (p part, rest []byte, err error) {
	if len(payload) < partHeaderBytes {
		return p, nil, errMalformedFrame
	}
	length := int(binary.BigEndian.Uint16(payload[2:]))
	p.kind = partKind(payload[0])
	p.continues = payload[1]&partContinues != 0
	rest = payload[partHeaderBytes:]
	if len(rest) < length || p.kind < partHeaders || p.kind > partWindow {
		return p, nil, errMalformedFrame
	}
	p.data = rest[:length]
	return p, rest[length:], nil
}

// partWriter cuts one direction of a call into payloads; emit gets each one
// that is full.
type partWriter struct {
	emit    func(payload []byte)
	payload []byte
}

func (w *partWriter) room() int {
	room := maxPayloadBytes - len(w.payload) - partHeaderBytes
	if room <= 0 {
		w.flush()
		room = maxPartBytes
	}
	if room > maxPartBytes {
		room = maxPartBytes
	}
	return room
}

func (w *partWriter) piece(kind partKind, flags byte, data []byte) {
	w.payload = append(w.payload, byte(kind), flags)
	w.payload = binary.BigEndian.AppendUint16(w.payload, uint16(len(data)))
	w.payload = append(w.payload, data...)
}

// add writes a part of any kind but MESSAGE, in as many pieces as it takes.
func (w *partWriter) add(kind partKind, data []byte) {
	for {
		room := w.room()
		if len(data) <= room {
			w.piece(kind, 0, data)
			return
		}
		w.piece(kind, partContinues, data[:room])
		data = data[room:]
	}
}

func (w *partWriter) addMessageBytes(data []byte) {
	for len(data) > 0 {
		room := w.room()
		if room > len(data) {
			room = len(data)
		}
		w.piece(partMessage, 0, data[:room])
		data = data[room:]
	}
}

func (w *partWriter) flush() {
	if len(w.payload) == 0 {
		return
	}
	payload := w.payload
	w.payload = nil
	w.emit(payload)
}

func windowPayload(count uint32) []byte {
	return binary.BigEndian.AppendUint32(
		[]byte{byte(partWindow), 0, 0, 4}, count)
}

func cancelPayload() []byte { return []byte{byte(partCancel), 0, 0, 0} }
