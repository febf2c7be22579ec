package ramet

// The control messages of protos/ramet/control.proto, by hand.

import (
	"errors"
	"strings"
	"unicode/utf8"
)

var errMalformedMessage = errors.New("malformed message")

func appendVarint(out []byte, value uint64) []byte {
	for value >= 0x80 {
		out = append(out, byte(value)|0x80)
		value >>= 7
	}
	return append(out, byte(value))
}

func appendNumber(out []byte, field int, value uint64) []byte {
	if value == 0 {
		return out
	}
	return appendVarint(appendVarint(out, uint64(field)<<3), value)
}

func appendBytes(out []byte, field int, value []byte) []byte {
	if len(value) == 0 {
		return out
	}
	return appendWhole(out, field, value)
}

// An element of a repeated field is there when it is empty, too.
func appendWhole(out []byte, field int, value []byte) []byte {
	out = appendVarint(out, uint64(field)<<3|2)
	out = appendVarint(out, uint64(len(value)))
	return append(out, value...)
}

func takeVarint(data []byte) (uint64, []byte, error) {
	var value uint64
	for i := 0; i < len(data) && i < 10; i++ {
		value |= uint64(data[i]&0x7f) << (7 * i)
		if data[i] < 0x80 {
			return value, data[i+1:], nil
		}
	}
	return 0, nil, errMalformedMessage
}

// eachField calls visit for each field, with its number or its bytes.
func eachField(data []byte,
	visit func(field int, number uint64, bytes []byte) error) error {
	for len(data) > 0 {
		tag, rest, err := takeVarint(data)
		if err != nil {
			return err
		}
		if tag>>3 == 0 || tag > 0xffffffff {
			return errMalformedMessage
		}
		var number uint64
		var bytes []byte
		length := uint64(0)
		switch tag & 7 {
		case 0:
			number, rest, err = takeVarint(rest)
		case 1:
			length = 8
		case 2:
			length, rest, err = takeVarint(rest)
		case 5:
			length = 4
		default:
			err = errMalformedMessage
		}
		if err != nil {
			return err
		}
		if length > uint64(len(rest)) {
			return errMalformedMessage
		}
		bytes, data = rest[:length], rest[length:]
		if err := visit(int(tag>>3), number, bytes); err != nil {
			return err
		}
	}
	return nil
}

type hello struct {
	version, childID uint32
	ancestorIDs      []uint32
	maxMessageBytes  uint32
}

func parseHello(data []byte) (h hello, err error) {
	err = eachField(data, func(field int, number uint64, bytes []byte) error {
		switch field {
		case 1:
			h.version = uint32(number)
		case 2:
			h.childID = uint32(number)
		case 3:
			if len(bytes) == 0 {
				h.ancestorIDs = append(h.ancestorIDs, uint32(number))
			}
			for len(bytes) > 0 {
				var id uint64
				var err error
				if id, bytes, err = takeVarint(bytes); err != nil {
					return err
				}
				h.ancestorIDs = append(h.ancestorIDs, uint32(id))
			}
		case 8:
			h.maxMessageBytes = uint32(number)
		}
		return nil
	})
	return h, err
}

type callHeaders struct {
	method             string
	timeoutUs          uint64
	metadata           Metadata
	chain              chainPlace
	encoding, accepted uint32
}

func parseCallHeaders(data []byte) (h callHeaders, err error) {
	err = eachField(data, func(field int, number uint64, bytes []byte) error {
		switch field {
		case 1:
			h.method = string(bytes)
		case 2:
			h.timeoutUs = number
		case 3:
			return h.metadata.parse(bytes)
		case 4:
			h.chain.id = number
		case 5:
			h.chain.epoch = uint32(number)
		case 6:
			h.chain.index = number
		case 7:
			h.chain.knownOK = number
		case 8:
			h.encoding = uint32(number)
		case 9:
			h.accepted = uint32(number)
		}
		return nil
	})
	return h, err
}

func (h *callHeaders) serialize() []byte {
	out := appendBytes(nil, 1, []byte(h.method))
	out = appendNumber(out, 2, h.timeoutUs)
	return h.metadata.appendTo(out, 3)
}

func serializeAnswerHeaders(metadata Metadata, encoding Compression) []byte {
	return appendNumber(metadata.appendTo(nil, 1), 2, uint64(encoding))
}

func parseAnswerHeaders(data []byte) (metadata Metadata, err error) {
	err = eachField(data, func(field int, _ uint64, bytes []byte) error {
		if field == 1 {
			return metadata.parse(bytes)
		}
		return nil
	})
	return metadata, err
}

func serializeTrailers(failure *Error, metadata Metadata) []byte {
	var out []byte
	if failure != nil {
		out = appendNumber(out, 1, uint64(failure.Code.known()))
		out = appendBytes(out, 2, cleanText(failure.Message))
		out = appendBytes(out, 3, failure.Details)
	}
	return metadata.appendTo(out, 4)
}

func parseTrailers(data []byte) (failure *Error, metadata Metadata, err error) {
	var found Error
	err = eachField(data, func(field int, number uint64, bytes []byte) error {
		switch field {
		case 1:
			found.Code = codeFromNumber(number)
		case 2:
			found.Message = string(bytes)
		case 3:
			found.Details = append([]byte(nil), bytes...)
		case 4:
			return metadata.parse(bytes)
		}
		return nil
	})
	if err == nil && found.Code != OK {
		failure = &found
	}
	return failure, metadata, err
}

// peekMethod tells whether a payload begins with HEADERS, and what method they
// name; nothing when it can't be read.
func peekMethod(payload []byte) (begins bool, path string) {
	if len(payload) == 0 {
		return false, ""
	}
	p, _, err := nextPart(payload)
	if err != nil || p.kind != partHeaders {
		return false, ""
	}
	if len(p.data) < 2 || p.data[0] != 1<<3|2 {
		return true, ""
	}
	length, rest, err := takeVarint(p.data[1:])
	if err != nil || length > uint64(len(rest)) || !utf8.Valid(rest[:length]) {
		return true, ""
	}
	path = string(rest[:length])
	names := strings.Split(path, "/")
	if len(names) != 3 || names[0] != "" || names[1] == "" || names[2] == "" {
		return true, ""
	}
	return true, path
}
