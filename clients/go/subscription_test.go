package tocsin_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

var ann = tocsin.User.External("ann")

// cursorAt returns the cursor of a place, as the server makes them.
func cursorAt(sequence uint64) string {
	content := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{1}, 7), sequence)
	return base64.RawURLEncoding.EncodeToString(content)
}

func subscribed(sequence uint64, recovered bool) *v1.SubscribeResponse {
	return &v1.SubscribeResponse{Cursor: cursorAt(sequence), Event: &v1.SubscribeResponse_Subscribed{
		Subscribed: &v1.Subscribed{Recovered: recovered}}}
}

func created(sequence uint64, id string) *v1.SubscribeResponse {
	return &v1.SubscribeResponse{Cursor: cursorAt(sequence), UnreadCount: 1, Event: &v1.SubscribeResponse_Notification{
		Notification: &v1.Notification{Id: id}}}
}

func heartbeat(sequence uint64) *v1.SubscribeResponse {
	return &v1.SubscribeResponse{Cursor: cursorAt(sequence), Event: &v1.SubscribeResponse_Heartbeat{}}
}

// An act is one stream: what is sent, and how it ends. Nil goes on until the subscriber leaves.
type act struct {
	events []*v1.SubscribeResponse
	end    error
}

// A feed plays its acts, one for each stream, and notes what was asked.
type feed struct {
	*fake
	acts     *script[act]
	mu       sync.Mutex
	requests []*v1.SubscribeRequest
	tokens   []string
}

func play(t testing.TB, acts ...act) *feed {
	t.Helper()
	f := &feed{acts: scriptOf(acts...)}
	f.fake = (&fake{subscribe: f.serve}).start(t)
	return f
}

func (f *feed) serve(request *v1.SubscribeRequest, stream subscribeStream) error {
	given, _ := metadata.FromIncomingContext(stream.Context())
	f.mu.Lock()
	f.requests = append(f.requests, request)
	f.tokens = append(f.tokens, strings.Join(given.Get("authorization"), ""))
	f.mu.Unlock()
	act := f.acts.next()
	for _, event := range act.events {
		if err := stream.Send(event); err != nil {
			return err
		}
	}
	if act.end == nil {
		<-stream.Context().Done()
	}
	return act.end
}

// asked returns the cursors of the streams so far, as places.
func (f *feed) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var cursors []string
	for _, request := range f.requests {
		cursors = append(cursors, request.GetCursor())
	}
	return cursors
}

// A journal is a logger's text.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) count(part string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), part)
}

func logging() (*journal, tocsin.Option) {
	j := &journal{}
	return j, tocsin.WithLogger(slog.New(slog.NewTextHandler(j, nil)))
}

func nextEvent(t *testing.T, s *tocsin.Subscription) tocsin.Event {
	t.Helper()
	event, err := s.Next()
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func nextNotification(t *testing.T, s *tocsin.Subscription) string {
	t.Helper()
	for {
		if event := nextEvent(t, s); event.Notification != nil {
			return event.Notification.ID
		}
	}
}

func TestASubscriptionResumesAfterTheLastEventOfTheStreamBefore(t *testing.T) {
	server := play(t,
		act{[]*v1.SubscribeResponse{subscribed(3, true), created(4, "a")}, refusal(codes.Unavailable, "STREAM_AGED")},
		act{[]*v1.SubscribeResponse{subscribed(4, true), created(5, "b"), heartbeat(9)}, status.Error(codes.Internal, "RST_STREAM")},
		act{[]*v1.SubscribeResponse{subscribed(9, true), created(10, "c")}, nil},
	)
	sub := dial(t, server.address).Subscribe(t.Context(), ann, tocsin.After(cursorAt(3)))
	defer sub.Close()
	for _, want := range []string{"a", "b", "c"} {
		if got := nextNotification(t, sub); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	want := strings.Join([]string{cursorAt(3), cursorAt(4), cursorAt(9)}, " ")
	if got := strings.Join(server.asked(), " "); got != want {
		t.Errorf("asked from %s, want %s", got, want)
	}
	if sub.Cursor() != cursorAt(10) {
		t.Errorf("stands at %s", sub.Cursor())
	}
	if id := server.requests[0].GetRecipient().GetExternalId(); id != "ann" {
		t.Errorf("asked for %q", id)
	}
}

func TestEventsHaveWhatTheServerSays(t *testing.T) {
	changed := &v1.SubscribeResponse{Cursor: cursorAt(6), UnreadCount: 2, Event: &v1.SubscribeResponse_ReadChanged{
		ReadChanged: &v1.ReadChanged{Ids: []string{"a", "b"}}}}
	newer := &v1.SubscribeResponse{Cursor: cursorAt(7)} // of a kind that this client does not know
	server := play(t, act{[]*v1.SubscribeResponse{subscribed(4, false), created(5, "a"), changed, newer, created(8, "c")}, nil})
	journal, logger := logging()
	sub := dial(t, server.address, logger).Subscribe(t.Context(), ann)
	defer sub.Close()
	if event := nextEvent(t, sub); event.Subscribed == nil || event.Subscribed.Recovered || event.Cursor != cursorAt(4) {
		t.Errorf("got %+v", event)
	}
	if event := nextEvent(t, sub); event.Notification.ID != "a" || event.UnreadCount != 1 || event.Cursor != cursorAt(5) {
		t.Errorf("got %+v", event)
	}
	if event := nextEvent(t, sub); len(event.ReadChanged.IDs) != 2 || event.UnreadCount != 2 {
		t.Errorf("got %+v", event)
	}
	if event := nextEvent(t, sub); event.Notification.ID != "c" {
		t.Errorf("got %+v", event)
	}
	if journal.count("cannot be replayed") != 1 {
		t.Errorf("logged: %s", &journal.text)
	}
}

func TestWhatAServerRepeatsIsHandedOutOnce(t *testing.T) {
	server := play(t,
		act{[]*v1.SubscribeResponse{subscribed(3, true), created(4, "a"), created(5, "b"), created(5, "b")}, refusal(codes.Unavailable, "SHUTTING_DOWN")},
		act{[]*v1.SubscribeResponse{subscribed(5, true), created(4, "a"), created(5, "b"), created(6, "c")}, nil},
	)
	sub := dial(t, server.address).Subscribe(t.Context(), ann)
	defer sub.Close()
	for _, want := range []string{"a", "b", "c"} {
		if got := nextNotification(t, sub); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestAFeedThatStartsAnewIsFollowedFromThere(t *testing.T) {
	server := play(t,
		act{[]*v1.SubscribeResponse{subscribed(100, true), created(101, "old")}, refusal(codes.Unavailable, "STREAM_AGED")},
		act{[]*v1.SubscribeResponse{subscribed(1, false), created(2, "new")}, nil},
	)
	sub := dial(t, server.address).Subscribe(t.Context(), ann)
	defer sub.Close()
	if first, second := nextNotification(t, sub), nextNotification(t, sub); first != "old" || second != "new" {
		t.Errorf("got %s and %s", first, second)
	}
}

func TestASilentStreamIsLeftAndResumed(t *testing.T) {
	server := play(t,
		act{[]*v1.SubscribeResponse{subscribed(3, true)}, nil},
		act{[]*v1.SubscribeResponse{subscribed(3, true), created(4, "a")}, nil},
	)
	var told []error
	client := dial(t, server.address, tocsin.WithSilence(50*time.Millisecond))
	sub := client.Subscribe(t.Context(), ann, tocsin.OnInterruption(func(err error, _ time.Duration) { told = append(told, err) }))
	defer sub.Close()
	if got := nextNotification(t, sub); got != "a" {
		t.Errorf("got %s", got)
	}
	if len(told) != 1 || !strings.Contains(told[0].Error(), "nothing came for 50ms, not even a heartbeat") {
		t.Errorf("told %v", told)
	}
}

func TestWhatNoFurtherStreamCanCureEndsTheSubscription(t *testing.T) {
	for _, end := range []error{
		refusal(codes.PermissionDenied, "PERMISSION_DENIED"),
		refusal(codes.InvalidArgument, "MALFORMED_CURSOR"),
		refusal(codes.Unauthenticated, "TOKEN_EXPIRED"), // of a token that stays the same
		refusal(codes.Internal, "INTERNAL"),
	} {
		server := play(t, act{nil, end})
		sub := dial(t, server.address, tocsin.WithToken("fixed")).Subscribe(t.Context(), ann)
		_, err := sub.Next()
		if again, ok := asError(err); !ok || again.Code != status.Code(end) {
			t.Errorf("got %v, want %v", err, end)
		}
		if _, same := sub.Next(); same != err || len(server.asked()) != 1 {
			t.Errorf("then %v, after %d streams", same, len(server.asked()))
		}
	}
}

func TestATokenThatExpiresIsRenewedOnce(t *testing.T) {
	expired := refusal(codes.Unauthenticated, "TOKEN_EXPIRED")
	server := play(t,
		act{[]*v1.SubscribeResponse{subscribed(3, true), created(4, "a")}, expired},
		act{[]*v1.SubscribeResponse{subscribed(4, true), created(5, "b")}, expired},
		act{nil, expired},
	)
	tokens := scriptOf("1", "2", "3", "4", "5")
	source := tocsin.WithTokenSource(func(context.Context) (string, error) { return tokens.next(), nil })
	sub := dial(t, server.address, source).Subscribe(t.Context(), ann)
	if nextNotification(t, sub) != "a" || nextNotification(t, sub) != "b" {
		t.Error("events are missing")
	}
	if _, err := sub.Next(); !errors.Is(err, tocsin.ErrTokenExpired) {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(server.tokens, ","); got != "Bearer 1,Bearer 2,Bearer 3" {
		t.Errorf("got %s", got)
	}
}

func TestATokenSourceThatFailsForAWhileInterruptsOnly(t *testing.T) {
	server := play(t, act{[]*v1.SubscribeResponse{subscribed(3, true), created(4, "a")}, nil})
	failures := scriptOf(errors.New("away"), errors.New("away"), nil)
	source := tocsin.WithTokenSource(func(context.Context) (string, error) { return "t", failures.next() })
	var told int
	sub := dial(t, server.address, source).Subscribe(t.Context(), ann, tocsin.OnInterruption(func(error, time.Duration) { told++ }))
	defer sub.Close()
	if got := nextNotification(t, sub); got != "a" || told != 2 {
		t.Errorf("got %s, told %d times", got, told)
	}
}

func TestAnOutageIsLoggedOnceAndItsEndToo(t *testing.T) {
	away := act{nil, refusal(codes.Unavailable, "DATABASE_UNAVAILABLE")}
	// A stream that only starts does not end an outage.
	begun := act{[]*v1.SubscribeResponse{subscribed(3, true)}, refusal(codes.Unavailable, "DATABASE_UNAVAILABLE")}
	server := play(t, away, away, begun, away, act{[]*v1.SubscribeResponse{subscribed(3, true), created(4, "a")}, nil})
	journal, logger := logging()
	sub := dial(t, server.address, logger).Subscribe(t.Context(), ann)
	defer sub.Close()
	nextNotification(t, sub)
	if journal.count("is interrupted") != 1 || journal.count("feed is back") != 1 || journal.count("DATABASE_UNAVAILABLE") != 1 {
		t.Errorf("logged: %s", &journal.text)
	}
}

func TestAPlannedEndIsNotLogged(t *testing.T) {
	aged := refusal(codes.Unavailable, "STREAM_AGED")
	server := play(t, act{[]*v1.SubscribeResponse{subscribed(3, true)}, aged}, act{[]*v1.SubscribeResponse{subscribed(3, true), created(4, "a")}, nil})
	journal, logger := logging()
	sub := dial(t, server.address, logger).Subscribe(t.Context(), ann)
	defer sub.Close()
	nextNotification(t, sub)
	if journal.text.Len() != 0 {
		t.Errorf("logged: %s", &journal.text)
	}
}

func TestAServerThatIsNotThereIsLoggedOnce(t *testing.T) {
	server := play(t, act{[]*v1.SubscribeResponse{subscribed(3, true), created(4, "a")}, nil})
	server.stop()
	journal, logger := logging()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := dial(t, server.address, logger).Subscribe(ctx, ann).Next()
	if !errors.Is(err, context.DeadlineExceeded) || journal.count("refused") != 1 {
		t.Errorf("got %v, logged: %s", err, &journal.text)
	}
}

func TestClosingEndsTheIteration(t *testing.T) {
	server := play(t, act{[]*v1.SubscribeResponse{subscribed(3, true)}, nil})
	sub := dial(t, server.address).Subscribe(t.Context(), ann)
	for event, err := range sub.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if event.Subscribed != nil {
			go func() {
				_ = sub.Close()
				_ = sub.Close()
			}()
		}
	}
	if _, err := sub.Next(); err != io.EOF {
		t.Errorf("got %v", err)
	}
}

func TestAClosedSubscriptionHandsOutNothingMore(t *testing.T) {
	server := play(t, act{[]*v1.SubscribeResponse{subscribed(3, true), created(4, "a"), created(5, "b")}, nil})
	sub := dial(t, server.address).Subscribe(t.Context(), ann)
	nextEvent(t, sub)
	_ = sub.Close()
	if event, err := sub.Next(); err != io.EOF || sub.Cursor() != cursorAt(3) {
		t.Errorf("got %+v, %v", event, err)
	}
}

func TestLeavingTheLoopClosesTheSubscription(t *testing.T) {
	left := make(chan struct{})
	server := (&fake{subscribe: func(_ *v1.SubscribeRequest, stream subscribeStream) error {
		defer close(left)
		_ = stream.Send(subscribed(3, true))
		<-stream.Context().Done()
		return nil
	}}).start(t)
	for range dial(t, server.address).Subscribe(t.Context(), ann).Events() {
		break
	}
	<-left
}

func TestAContextThatEndsIsTheErrorOfTheIteration(t *testing.T) {
	server := play(t, act{[]*v1.SubscribeResponse{subscribed(3, true)}, nil})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var ended error
	for _, err := range dial(t, server.address).Subscribe(ctx, ann).Events() {
		ended = err
		cancel()
	}
	if !errors.Is(ended, context.Canceled) {
		t.Errorf("got %v", ended)
	}
}

func TestClosingTheClientEndsItsSubscriptions(t *testing.T) {
	server := play(t, act{[]*v1.SubscribeResponse{subscribed(3, true)}, nil})
	journal, logger := logging()
	client := dial(t, server.address, logger)
	sub := client.Subscribe(t.Context(), ann)
	nextEvent(t, sub)
	go client.Close() //nolint:errcheck // never fails
	if _, err := sub.Next(); !errors.Is(err, tocsin.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := client.Subscribe(t.Context(), ann).Next(); !errors.Is(err, tocsin.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if journal.count("interrupted") != 0 {
		t.Errorf("logged: %s", &journal.text)
	}
}

func TestAWrongRecipientIsRefusedByTheClient(t *testing.T) {
	sub := dial(t, "127.0.0.1:1").Subscribe(t.Context(), tocsin.Recipient{Type: "robot"})
	if _, err := sub.Next(); err == nil || !strings.Contains(err.Error(), `"robot" is not one of`) {
		t.Errorf("got %v", err)
	}
}

func TestPlacesAreComparedAsTheAPISays(t *testing.T) {
	for _, one := range []struct {
		cursor, other string
		after         bool
	}{
		{cursorAt(2), cursorAt(1), true},
		{cursorAt(1), cursorAt(2), false},
		{cursorAt(2), cursorAt(2), false},
		{cursorAt(256), cursorAt(255), true},
		{cursorAt(1), "", true},
		{"of another form", cursorAt(1), true},
		{"of another form", "of another form", false},
	} {
		if got := tocsin.IsAfter(one.cursor, one.other); got != one.after {
			t.Errorf("%q after %q: %v", one.cursor, one.other, got)
		}
	}
}
