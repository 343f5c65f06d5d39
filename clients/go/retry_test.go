package tocsin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// answers serves what a script says; nil is success.
func answers(t *testing.T, steps ...error) (*fake, *script[error]) {
	t.Helper()
	outcomes := scriptOf(steps...)
	server := &fake{unary: func(_ context.Context, method string, _ any) (any, error) {
		if err := outcomes.next(); err != nil {
			return nil, err
		}
		return emptyAnswer(method), nil
	}}
	return server.start(t), outcomes
}

func emptyAnswer(method string) any {
	switch method {
	case v1.NotificationService_Send_FullMethodName:
		return &v1.SendResponse{}
	case v1.NotificationService_SendBatch_FullMethodName:
		return &v1.SendBatchResponse{}
	case v1.NotificationService_Cancel_FullMethodName:
		return &v1.CancelResponse{}
	default:
		return &v1.GetResponse{}
	}
}

func TestACallIsRepeatedWhenTheServerIsUnavailableOrCutsItOff(t *testing.T) {
	server, asked := answers(t, refusal(codes.Unavailable, "SHUTTING_DOWN"), status.Error(codes.Canceled, "cut off"), nil)
	if _, err := dial(t, server.address).Get(t.Context(), "n"); err != nil || asked.count() != 3 {
		t.Errorf("got %v after %d attempts", err, asked.count())
	}
}

func TestOtherErrorsAreNotRepeated(t *testing.T) {
	for _, answer := range []error{
		refusal(codes.ResourceExhausted, "RATE_LIMITED", retryAfter(time.Millisecond)),
		refusal(codes.NotFound, "NOTIFICATION_NOT_FOUND"),
		refusal(codes.Internal, "INTERNAL"),
		status.Error(codes.Internal, "a broken line"),
	} {
		server, asked := answers(t, answer, nil)
		if _, err := dial(t, server.address).Get(t.Context(), "n"); err == nil || asked.count() != 1 {
			t.Errorf("%v: got %v after %d attempts", answer, err, asked.count())
		}
	}
}

func TestWhatIsNotSafeToRepeatIsNotRepeated(t *testing.T) {
	server, asked := answers(t, refusal(codes.Unavailable, "SHUTTING_DOWN"), nil)
	if _, err := dial(t, server.address).Cancel(t.Context(), "n"); !errors.Is(err, tocsin.ErrShuttingDown) || asked.count() != 1 {
		t.Errorf("got %v after %d attempts", err, asked.count())
	}
}

func TestARepeatedSendHasTheSameKey(t *testing.T) {
	var mu sync.Mutex
	var keys []string
	server := (&fake{unary: func(_ context.Context, _ string, request any) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, request.(*v1.SendRequest).GetIdempotencyKey())
		if len(keys) < 3 {
			return nil, refusal(codes.Unavailable, "DATABASE_UNAVAILABLE")
		}
		return &v1.SendResponse{}, nil
	}}).start(t)
	if _, err := dial(t, server.address).Send(t.Context(), draft()); err != nil {
		t.Fatal(err)
	}
	if len(keys) != 3 || keys[0] == "" || len(slices.Compact(keys)) != 1 {
		t.Errorf("got %v", keys)
	}
}

func TestARequestOfTheAPIWithoutAKeyIsNotRepeated(t *testing.T) {
	server, asked := answers(t, refusal(codes.Unavailable, "SHUTTING_DOWN"), nil)
	raw := v1.NewNotificationServiceClient(dial(t, server.address).Conn())
	if _, err := raw.Send(t.Context(), &v1.SendRequest{}); !errors.Is(err, tocsin.ErrShuttingDown) || asked.count() != 1 {
		t.Errorf("got %v after %d attempts", err, asked.count())
	}
	batch := &v1.SendBatchRequest{Requests: []*v1.SendRequest{{IdempotencyKey: "k"}, {}}}
	server, asked = answers(t, refusal(codes.Unavailable, "SHUTTING_DOWN"), nil)
	raw = v1.NewNotificationServiceClient(dial(t, server.address).Conn())
	if _, err := raw.SendBatch(t.Context(), batch); err == nil || asked.count() != 1 {
		t.Errorf("got %v after %d attempts", err, asked.count())
	}
}

func TestEveryCallIsKnownToBeSafeToRepeatOrNot(t *testing.T) {
	unsafe := []string{
		v1.NotificationService_Cancel_FullMethodName,
		v1.NotificationService_Retry_FullMethodName,
		v1.ContactService_DeleteContact_FullMethodName,
	}
	for _, service := range []struct {
		name    string
		methods []string
	}{
		{v1.NotificationService_ServiceDesc.ServiceName, methodsOf(v1.NotificationService_ServiceDesc)},
		{v1.ContactService_ServiceDesc.ServiceName, methodsOf(v1.ContactService_ServiceDesc)},
		{v1.DecisionService_ServiceDesc.ServiceName, methodsOf(v1.DecisionService_ServiceDesc)},
	} {
		for _, method := range service.methods {
			full := fmt.Sprintf("/%s/%s", service.name, method)
			var request any
			switch full {
			case v1.NotificationService_Send_FullMethodName:
				request = &v1.SendRequest{IdempotencyKey: "k"}
			case v1.NotificationService_SendBatch_FullMethodName:
				request = &v1.SendBatchRequest{Requests: []*v1.SendRequest{{IdempotencyKey: "k"}}}
			}
			if tocsin.IsRepeatable(full, request) == slices.Contains(unsafe, full) {
				t.Errorf("%s: decide whether it is safe to repeat", full)
			}
		}
	}
}

func TestAWaitBeyondTheDeadlineFailsAtOnceWithTheReason(t *testing.T) {
	server, asked := answers(t, refusal(codes.Unavailable, "DATABASE_UNAVAILABLE", retryAfter(time.Hour)))
	_, err := dial(t, server.address).Get(t.Context(), "n")
	if !errors.Is(err, tocsin.ErrDatabaseUnavailable) || asked.count() != 1 {
		t.Errorf("got %v after %d attempts", err, asked.count())
	}
}

func TestACallWithoutADeadlineGetsOne(t *testing.T) {
	given := make(chan time.Duration, 1)
	server := (&fake{unary: func(ctx context.Context, _ string, _ any) (any, error) {
		deadline, _ := ctx.Deadline()
		given <- time.Until(deadline)
		return &v1.GetResponse{}, nil
	}}).start(t)
	client := dial(t, server.address)
	if _, err := client.Get(t.Context(), "n"); err != nil {
		t.Fatal(err)
	}
	if left := <-given; left <= 0 || left > tocsin.DefaultTimeout {
		t.Errorf("got %v", left)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if _, err := client.Get(ctx, "n"); err != nil {
		t.Fatal(err)
	}
	if left := <-given; left <= tocsin.DefaultTimeout {
		t.Errorf("the context's own deadline became %v", left)
	}
}

func TestACallThatWaitsForWorkHasItsTimeOnTop(t *testing.T) {
	given := make(chan time.Duration, 1)
	server := (&fake{unary: func(ctx context.Context, _ string, _ any) (any, error) {
		deadline, _ := ctx.Deadline()
		given <- time.Until(deadline)
		return &v1.LeaseUndecidedResponse{}, nil
	}}).start(t)
	if _, err := dial(t, server.address).LeaseUndecided(t.Context(), tocsin.LeaseOptions{Wait: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if left := <-given; left <= time.Minute || left > time.Minute+tocsin.DefaultTimeout {
		t.Errorf("got %v", left)
	}
}

func TestTheErrorOfALateAttemptTellsOfTheOneBefore(t *testing.T) {
	calls := scriptOf(true, false)
	server := (&fake{unary: func(ctx context.Context, _ string, _ any) (any, error) {
		if calls.next() {
			return nil, refusal(codes.Unavailable, "DATABASE_UNAVAILABLE")
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}}).start(t)
	_, err := dial(t, server.address, tocsin.WithTimeout(100*time.Millisecond)).Get(t.Context(), "n")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "DATABASE_UNAVAILABLE") {
		t.Errorf("got %v", err)
	}
}

func TestAHangingServerIsLeftAtTheDeadline(t *testing.T) {
	server := (&fake{unary: func(ctx context.Context, _ string, _ any) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}).start(t)
	client := dial(t, server.address, tocsin.WithTimeout(50*time.Millisecond))
	_, err := client.Get(t.Context(), "n")
	if errorIn(t, err).Code != codes.DeadlineExceeded || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestACancelledContextEndsTheCall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := (&fake{unary: func(called context.Context, _ string, _ any) (any, error) {
		cancel()
		<-called.Done()
		return nil, called.Err()
	}}).start(t)
	_, err := dial(t, server.address).Get(ctx, "n")
	if errorIn(t, err).Code != codes.Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTheTokenIsAskedForEachAttempt(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	server := (&fake{unary: func(ctx context.Context, _ string, _ any) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		given, _ := metadata.FromIncomingContext(ctx)
		seen = append(seen, given.Get("authorization")...)
		if len(seen) < 2 {
			return nil, refusal(codes.Unavailable, "SHUTTING_DOWN")
		}
		return &v1.GetResponse{}, nil
	}}).start(t)
	tokens := scriptOf("first", "second")
	source := func(context.Context) (string, error) { return tokens.next(), nil }
	if _, err := dial(t, server.address, tocsin.WithTokenSource(source)).Get(t.Context(), "n"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []string{"Bearer first", "Bearer second"}) {
		t.Errorf("got %v", seen)
	}
}

func TestACallFailsWithWhatTheTokenSourceFailsWith(t *testing.T) {
	server, asked := answers(t, nil)
	away := errors.New("the vault is closed")
	source := func(context.Context) (string, error) { return "", away }
	_, err := dial(t, server.address, tocsin.WithTokenSource(source)).Get(t.Context(), "n")
	if !errors.Is(err, away) || asked.count() != 0 {
		t.Errorf("got %v, and %d calls", err, asked.count())
	}
}

func TestAClosedClientRefusesCalls(t *testing.T) {
	server, asked := answers(t, nil)
	client := dial(t, server.address)
	for range 2 {
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.Get(t.Context(), "n"); !errors.Is(err, tocsin.ErrClosed) || asked.count() != 0 {
		t.Errorf("got %v", err)
	}
}

func TestClosingTheClientEndsItsCalls(t *testing.T) {
	arrived := make(chan struct{})
	server := (&fake{unary: func(ctx context.Context, _ string, _ any) (any, error) {
		close(arrived)
		<-ctx.Done()
		return nil, ctx.Err()
	}}).start(t)
	client := dial(t, server.address)
	ended := make(chan error)
	go func() {
		_, err := client.Get(t.Context(), "n")
		ended <- err
	}()
	<-arrived
	_ = client.Close()
	if err := <-ended; !errors.Is(err, tocsin.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestWaitsGrowToTheirBoundAndHonourTheServers(t *testing.T) {
	waits := tocsin.Backoff{Initial: time.Second, Factor: 2, Max: 5 * time.Second}
	for failures, bound := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 10_000: 5 * time.Second} {
		largest := time.Duration(0)
		for range 200 {
			wait := tocsin.Delay(waits, failures, 0)
			if wait < 0 || wait > bound {
				t.Fatalf("got %v after %d failures", wait, failures)
			}
			largest = max(largest, wait)
		}
		if largest < bound/2 {
			t.Errorf("after %d failures never more than %v", failures, largest)
		}
	}
	if wait := tocsin.Delay(waits, 1, time.Minute); wait < time.Minute || wait > time.Minute+time.Second {
		t.Errorf("got %v", wait)
	}
	if wait := tocsin.Delay(waits, 1, 1000*time.Hour); wait > time.Hour+time.Second {
		t.Errorf("a wait from outside is not bounded: %v", wait)
	}
}
