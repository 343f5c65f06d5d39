package tocsin

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// A SubscribeOption is one of Client.Subscribe.
type SubscribeOption func(*Subscription)

// After starts the subscription after a place in the feed: the Cursor of an Event that is dealt with, or of the first
// page of a list. Without it, or with an empty cursor, the subscription starts now.
func After(cursor string) SubscribeOption {
	return func(s *Subscription) { s.resumption.cursor = cursor }
}

// OnInterruption is called, by the goroutine that reads, when a stream ended and another will follow: with the error,
// an *Error most of the time, and how long it will be until then. Without it, the logger has one warning for each outage.
func OnInterruption(tell func(err error, wait time.Duration)) SubscribeOption {
	return func(s *Subscription) { s.tell = tell }
}

// A Subscription is a recipient's live feed. It outlives its streams: it reconnects by itself, after the last event that
// arrived, and leaves nothing out.
//
// One goroutine reads, with Events or Next. Any other may call Close. It has no goroutine of its own.
type Subscription struct {
	client    *Client
	recipient *v1.Recipient
	ctx       context.Context
	cancel    context.CancelCauseFunc
	tell      func(error, time.Duration)

	// Of the reading goroutine.
	resumption resumption
	stream     *stream
	outage     bool // and the logger knows
	err        error

	mu     sync.Mutex
	cursor string
}

// Subscribe follows a recipient's feed live until the context ends or the subscription is closed. It connects when it is
// first read.
func (c *Client) Subscribe(ctx context.Context, recipient Recipient, given ...SubscribeOption) *Subscription {
	s := &Subscription{client: c}
	s.resumption = resumption{waits: c.options.reconnect, renewable: c.options.renewable}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	leave := context.AfterFunc(c.ctx, func() { s.cancel(ErrClosed) })
	context.AfterFunc(s.ctx, func() { leave() }) // or the client would remember it for ever
	for _, option := range given {
		option(s)
	}
	s.cursor = s.resumption.cursor
	if s.recipient, s.err = recipientMessage(recipient); s.err != nil {
		_ = s.Close()
	}
	return s
}

// Cursor returns the place from which the next stream would start: after the last event that was handed out, heartbeats
// after it included. To carry on after a restart of your program without losing what it had not finished, keep the
// Cursor of the last Event that is dealt with instead.
func (s *Subscription) Cursor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor
}

// Close ends the subscription: Next returns io.EOF. It may be called repeatedly, and from any goroutine.
func (s *Subscription) Close() error {
	s.cancel(io.EOF)
	return nil
}

// Events iterates over the events, and closes the subscription when the loop is left. It ends with an error that no
// further stream can cure, such as ErrPermissionDenied, with the error of a context that has ended, or with ErrClosed
// when the client was closed. After Close it ends without one.
func (s *Subscription) Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		defer s.Close() //nolint:errcheck // never fails
		for {
			event, err := s.Next()
			if err == io.EOF || !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Next waits for the next event. At first and after each interruption that is one with Subscribed set; if that has not
// Recovered, list the feed again. The errors are those of Events, and io.EOF after Close. They end the subscription:
// calling it again returns the same.
func (s *Subscription) Next() (Event, error) {
	for s.err == nil && !s.over() {
		event, ok, err := s.receive()
		if err != nil {
			s.interrupted(err)
		} else if ok {
			return event, nil
		}
	}
	return Event{}, s.err
}

// receive returns the next event, false if what came is none.
func (s *Subscription) receive() (Event, bool, error) {
	if s.stream == nil {
		opened, err := s.open()
		if err != nil {
			return Event{}, false, err
		}
		s.stream = opened
	}
	message, err := s.stream.receive()
	if err != nil {
		return Event{}, false, err
	}
	event, ok := s.resumption.received(message)
	s.mu.Lock()
	s.cursor = s.resumption.cursor
	s.mu.Unlock()
	s.note(event, ok)
	return event, ok, nil
}

// note tells what a program that does not look would miss, and that an outage is over.
func (s *Subscription) note(event Event, ok bool) {
	if ok && event.Subscribed != nil {
		if !event.Subscribed.Recovered {
			s.client.options.logger.Warn("tocsin: events are missing that cannot be replayed: list the feed again",
				"recipient", recipientOf(s.recipient).String())
		}
		return
	}
	if s.outage {
		s.outage = false
		s.client.options.logger.Info("tocsin: the feed is back", "recipient", recipientOf(s.recipient).String())
	}
}

// interrupted waits for the next stream, or ends the subscription.
func (s *Subscription) interrupted(err error) {
	s.drop()
	if s.over() {
		return
	}
	wait, again := s.resumption.interrupted(err)
	if !again {
		s.err = err
		_ = s.Close()
		return
	}
	if s.tell != nil {
		s.tell(err, wait)
	} else if !s.outage && !errors.Is(err, ErrStreamAged) && !errors.Is(err, ErrTokenExpired) { // which are planned
		// Without a word, a subscription to an address where no server ever was would wait for one for ever.
		s.outage = true
		s.client.options.logger.Warn("tocsin: the feed is interrupted; trying again until it is back",
			"recipient", recipientOf(s.recipient).String(), "error", err)
	}
	s.client.sleep(s.ctx, wait)
}

// over tells whether the context, the subscription or the client has ended, and keeps why.
func (s *Subscription) over() bool {
	switch {
	case s.ctx.Err() != nil:
		s.err = context.Cause(s.ctx)
	case s.client.ctx.Err() != nil: // which s.ctx follows a little later
		s.err = ErrClosed
	default:
		return false
	}
	s.drop()
	return true
}

func (s *Subscription) drop() {
	if s.stream != nil {
		s.stream.end(context.Canceled)
		s.stream = nil
	}
}

// errSilent is why a stream was ended on which nothing came.
var errSilent = errors.New("silent stream")

// A stream is one of a subscription, with a watchdog that ends it when nothing comes.
type stream struct {
	ctx      context.Context
	end      context.CancelCauseFunc
	watchdog *time.Timer
	silence  time.Duration
	stream   grpc.ServerStreamingClient[v1.SubscribeResponse]
}

func (s *Subscription) open() (*stream, error) {
	opened := &stream{silence: s.client.options.silence}
	opened.ctx, opened.end = context.WithCancelCause(s.ctx)
	opened.watchdog = time.AfterFunc(opened.silence, func() { opened.end(errSilent) })
	defer opened.watchdog.Stop()
	var err error
	request := &v1.SubscribeRequest{Recipient: s.recipient, Cursor: s.resumption.cursor}
	if opened.stream, err = s.client.notifications.Subscribe(opened.ctx, request); err != nil {
		opened.end(context.Canceled)
		return nil, opened.failed(err)
	}
	return opened, nil
}

// receive waits for a message. The watchdog counts only meanwhile: a consumer that takes minutes over an event must not
// lose its stream for that. A message that arrives as it bites is lost with the stream but not to the subscription,
// whose place has not moved past it.
func (s *stream) receive() (*v1.SubscribeResponse, error) {
	s.watchdog.Reset(s.silence)
	message, err := s.stream.Recv()
	s.watchdog.Stop()
	if err != nil {
		return nil, s.failed(err)
	}
	return message, nil
}

// failed returns what a stream's end means. The server never ends one without an error.
func (s *stream) failed(err error) error {
	switch {
	case err == io.EOF:
		return errorFromStatus(status.New(codes.Unavailable, "the stream ended without an error"))
	case context.Cause(s.ctx) == errSilent:
		return errorFromStatus(status.Newf(codes.Unavailable, "nothing came for %v, not even a heartbeat", s.silence))
	default:
		return errorOf(s.ctx, err)
	}
}
