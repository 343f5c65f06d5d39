package tocsin

import (
	"bytes"
	"encoding/base64"
	"slices"
	"time"

	"google.golang.org/grpc/codes"

	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// earlyStreams is how many streams in a row are tried with a token whose time has not come, because somebody's clock is
// wrong: with the usual waits, for two minutes or so. Of a clock that is farther off somebody has to learn.
const earlyStreams = 12

// A resumption is the state of a subscription between its streams. It is told what happens to them, and answers what to
// do. It does no I/O and reads no clock.
//
// The place moves as soon as an event arrived, heartbeats included: the next stream starts after it. Failures in a row
// make the wait grow. Subscribed does not end the row, any later event does: a server that accepts streams only to
// break them would otherwise be asked again without pause.
type resumption struct {
	waits Backoff
	// renewable says that the next stream can have a newer token than the last one.
	renewable bool

	cursor   string
	failures int
	expired  bool // the last stream ended with TOKEN_EXPIRED
	early    int
}

// received takes note of a message. It returns false if there is nothing to hand out.
func (r *resumption) received(message *v1.SubscribeResponse) (Event, bool) {
	event, known := eventOf(message)
	starts := event.Subscribed != nil
	// A server may repeat what it has sent, above all around the start of a stream.
	repeated := event.Notification != nil && !isAfter(message.GetCursor(), r.cursor)
	if message.GetCursor() != "" && !repeated {
		r.cursor = message.GetCursor()
	}
	r.expired, r.early = false, 0
	if !starts {
		r.failures = 0
	}
	return event, known && !repeated
}

// interrupted returns how long to wait before the next stream, false if no further stream can help.
func (r *resumption) interrupted(err error) (time.Duration, bool) {
	var least time.Duration
	if failed, ok := err.(*Error); ok {
		if !r.worthAnother(failed) {
			return 0, false
		}
		least = failed.RetryAfter
	} else if _, ok := err.(*tokenError); !ok {
		return 0, false
	}
	r.failures++
	return r.waits.delay(r.failures, least), true
}

// brokenLine are the codes that gRPC and proxies give for streams that were cut off. The server's own have a reason.
var brokenLine = []codes.Code{codes.Canceled, codes.Unknown, codes.DeadlineExceeded, codes.Aborted, codes.Internal}

func (r *resumption) worthAnother(err *Error) bool {
	if err.Reason == ErrTokenExpired && r.renewable && !r.expired {
		r.expired = true // twice in a row is not worth a third
		return true
	}
	if _, tooEarly := err.Metadata["valid_from"]; tooEarly && err.Code == codes.Unauthenticated {
		r.early++
		return r.early < earlyStreams
	}
	switch err.Code {
	case codes.Unavailable, codes.ResourceExhausted:
		return true
	default:
		return err.Reason == "" && slices.Contains(brokenLine, err.Code)
	}
}

// isAfter tells whether a cursor's place in a feed is after another's, as CountUnreadResponse.cursor of the API says how
// to compare them. What cannot be compared counts as after, unless it is the same.
func isAfter(cursor, other string) bool {
	place, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	known, otherErr := base64.RawURLEncoding.Strict().DecodeString(other)
	if err != nil || otherErr != nil || len(place) != len(known) {
		return cursor != other
	}
	return bytes.Compare(place, known) > 0
}
