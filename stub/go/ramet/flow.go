package ramet

// The two directions of a call: what is sent on credit, and what is granted.
// Everything here is under the runtime's lock.

import "encoding/binary"

// sender sends messages as far as the receiver's credit goes, and the end
// behind them.
type sender struct {
	writer   partWriter
	credit   uint64
	waiting  []byte // of the message stream
	ending   partKind
	end      []byte
	finished bool
}

func newSender(emit func([]byte)) sender {
	return sender{writer: partWriter{emit: emit}, credit: initialWindowBytes}
}

func (s *sender) sendHeaders(data []byte) { s.writer.add(partHeaders, data) }

func (s *sender) sendMessage(message []byte, compressed bool) {
	prefix := make([]byte, prefixBytes)
	if compressed {
		prefix[0] = 1
	}
	binary.BigEndian.PutUint32(prefix[1:], uint32(len(message)))
	if len(s.waiting) == 0 && uint64(prefixBytes+len(message)) <= s.credit {
		s.out(append(prefix, message...))
		return
	}
	s.waiting = append(append(s.waiting, prefix...), message...)
	s.send()
}

// sendEnd is END or TRAILERS.
func (s *sender) sendEnd(kind partKind, data []byte) {
	if s.ending == 0 {
		s.ending, s.end = kind, data
		s.send()
	}
}

func (s *sender) addCredit(count uint32) {
	s.credit += uint64(count)
	s.send()
}

func (s *sender) out(data []byte) {
	s.writer.addMessageBytes(data)
	s.credit -= uint64(len(data))
}

func (s *sender) send() {
	count := uint64(len(s.waiting))
	if count > s.credit {
		count = s.credit
	}
	s.out(s.waiting[:count])
	s.waiting = s.waiting[count:]
	if len(s.waiting) > 0 {
		return
	}
	s.waiting = nil
	if s.ending != 0 && !s.finished {
		s.finished = true
		s.writer.add(s.ending, s.end)
	}
}

func (s *sender) flush() { s.writer.flush() }

// receiver puts messages together, and says how much more may come: the window
// and one message more than what was taken.
type receiver struct {
	max                         int
	received, consumed, granted uint64
	stream                      []byte // of the message stream
	headers, trailers           []byte
}

func newReceiver(max int) receiver {
	return receiver{max: max, granted: initialWindowBytes}
}

// whole gives the bytes of HEADERS or TRAILERS with their last piece.
func (r *receiver) whole(p part) (data []byte, whole bool, failure *Error) {
	have := &r.headers
	if p.kind == partTrailers {
		have = &r.trailers
	}
	if len(*have)+len(p.data) > maxHeadersBytes {
		return nil, false, Errorf(ResourceExhausted,
			"headers or trailers longer than %d bytes", maxHeadersBytes)
	}
	*have = append(*have, p.data...)
	if p.continues {
		return nil, false, nil
	}
	data, *have = *have, nil
	return data, true, nil
}

// messages takes a MESSAGE part; each message that is whole now goes to take,
// which may keep it.
func (r *receiver) messages(data []byte,
	take func(compressed bool, message []byte) *Error) *Error {
	r.received += uint64(len(data))
	if r.received > r.granted {
		return Errorf(ResourceExhausted,
			"more bytes of messages than were granted")
	}
	r.stream = append(r.stream, data...)
	at := 0
	for len(r.stream)-at >= prefixBytes {
		rest := r.stream[at:]
		if rest[0] > 1 {
			return Errorf(Internal, "malformed prefix of a message")
		}
		size := int64(binary.BigEndian.Uint32(rest[1:]))
		if size > int64(r.max) {
			return Errorf(ResourceExhausted, "message of %d bytes is longer "+
				"than the limit of %d bytes", size, r.max)
		}
		end := prefixBytes + int(size)
		if len(rest) < end {
			break
		}
		message := rest[prefixBytes:end:end]
		// One that shares its array would keep all of it.
		if at > 0 || len(rest) > end {
			message = append(make([]byte, 0, size), message...)
		}
		at += end
		if failure := take(rest[0] == 1, message); failure != nil {
			return failure
		}
	}
	if at > 0 {
		r.stream = append([]byte(nil), r.stream[at:]...)
	}
	return nil
}

func (r *receiver) consume(messageBytes int) {
	r.consumed += uint64(prefixBytes + messageBytes)
}

// takeGrant is credit to give the peer now; 0: none, or not worth a frame yet.
func (r *receiver) takeGrant() uint32 {
	// Less often would let a fast sender run dry, more often costs frames.
	const worthAFrameBytes = initialWindowBytes / 4
	var expected, missing uint64
	if len(r.stream) >= prefixBytes {
		expected = prefixBytes + uint64(binary.BigEndian.Uint32(r.stream[1:]))
		missing = expected - uint64(len(r.stream))
	}
	want := r.consumed + initialWindowBytes + expected
	stuck := r.received+missing > r.granted
	if want <= r.granted || (!stuck && want-r.granted < worthAFrameBytes) {
		return 0
	}
	grant := uint32(want - r.granted)
	r.granted = want
	return grant
}

// byteBudget is what all calls together may make the module keep; callers that
// are not above the module's context have a smaller part of it.
type byteBudget struct{ all, foreign int }

const (
	maxKeptBytes    = 256 * 1024 * 1024
	maxForeignBytes = 64 * 1024 * 1024
)

func (b *byteBudget) take(count int, foreign bool) bool {
	if b.all+count > maxKeptBytes ||
		(foreign && b.foreign+count > maxForeignBytes) {
		return false
	}
	b.give(-count, foreign)
	return true
}

// give gives bytes back.
func (b *byteBudget) give(count int, foreign bool) {
	b.all -= count
	if foreign {
		b.foreign -= count
	}
}
