package ramet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Code is one of gRPC's status codes.
type Code uint32

const (
	OK Code = iota
	Cancelled
	Unknown
	InvalidArgument
	DeadlineExceeded
	NotFound
	AlreadyExists
	PermissionDenied
	ResourceExhausted
	FailedPrecondition
	Aborted
	OutOfRange
	Unimplemented
	Internal
	Unavailable
	DataLoss
	Unauthenticated
)

var codeNames = [...]string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
	"UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

func (c Code) String() string { return codeNames[c.known()] }

// known is the code, or Unknown for one that gRPC does not have.
func (c Code) known() Code {
	if int(c) >= len(codeNames) {
		return Unknown
	}
	return c
}

func codeFromNumber(number uint64) Code {
	if number >= uint64(len(codeNames)) {
		return Unknown
	}
	return Code(number)
}

// An Error is how a call fails: methods return it, and calls of theirs do.
type Error struct {
	Code    Code
	Message string
	Details []byte // a serialized google.rpc.Status, or nothing
}

func (e *Error) Error() string { return e.Code.String() + ": " + e.Message }

// Errorf makes an Error without details.
func Errorf(code Code, format string, arguments ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, arguments...)}
}

// CodeOf is the code of whatever a method may return.
func CodeOf(err error) Code {
	if failure := toError(err); failure != nil {
		return failure.Code
	}
	return OK
}

func toError(err error) *Error {
	if err == nil {
		return nil
	}
	var failure *Error
	switch {
	case errors.As(err, &failure):
		if failure == nil || failure.Code == OK {
			return nil
		}
		return failure
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: DeadlineExceeded, Message: err.Error()}
	case errors.Is(err, context.Canceled):
		return &Error{Code: Cancelled, Message: err.Error()}
	}
	return &Error{Code: Unknown, Message: err.Error()}
}

const maxErrorTextBytes = 1024 * 1024

// cleanText is UTF-8 of at most maxErrorTextBytes: what is none becomes ?.
func cleanText(text string) []byte {
	clean := text
	if !utf8.ValidString(text) {
		var out strings.Builder
		for i, r := range text {
			if r == utf8.RuneError {
				if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
					r = '?'
				}
			}
			out.WriteRune(r)
		}
		clean = out.String()
	}
	if len(clean) <= maxErrorTextBytes {
		return []byte(clean)
	}
	end := maxErrorTextBytes
	for !utf8.RuneStart(clean[end]) {
		end--
	}
	return append([]byte(clean[:end]),
		fmt.Sprintf("... (%d more bytes)", len(clean)-end)...)
}
