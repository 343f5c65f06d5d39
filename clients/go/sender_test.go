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
	"google.golang.org/grpc/status"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// A batchServer answers batches, and notes the keys of each. Answer may refuse a call or change its results.
type batchServer struct {
	*fake
	answer func(call int, batch *v1.SendBatchRequest, accepted *v1.SendBatchResponse) error

	mu      sync.Mutex
	batches [][]string
}

func serveBatches(t testing.TB, answer func(int, *v1.SendBatchRequest, *v1.SendBatchResponse) error) *batchServer {
	t.Helper()
	s := &batchServer{answer: answer}
	s.fake = (&fake{unary: s.serve}).start(t)
	return s
}

func (s *batchServer) serve(_ context.Context, _ string, request any) (any, error) {
	batch := request.(*v1.SendBatchRequest)
	var keys []string
	response := &v1.SendBatchResponse{}
	for _, one := range batch.GetRequests() {
		keys = append(keys, one.GetIdempotencyKey())
		response.Results = append(response.Results, &v1.SendResult{Result: &v1.SendResult_Response{
			Response: &v1.SendResponse{Notification: &v1.Notification{Id: "of " + one.GetIdempotencyKey()}}}})
	}
	s.mu.Lock()
	s.batches = append(s.batches, keys)
	call := len(s.batches)
	s.mu.Unlock()
	if s.answer != nil {
		if err := s.answer(call, batch, response); err != nil {
			return nil, err
		}
	}
	return response, nil
}

func (s *batchServer) seen() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.batches)
}

func keyed(key string) tocsin.Draft {
	one := draft()
	one.IdempotencyKey = key
	return one
}

// handOver sends drafts with the keys k0, k1, …
func handOver(t testing.TB, sender *tocsin.Sender, count int) []*tocsin.Receipt {
	t.Helper()
	receipts := make([]*tocsin.Receipt, count)
	for i := range receipts {
		receipt, err := sender.Send(t.Context(), keyed(fmt.Sprintf("k%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		receipts[i] = receipt
	}
	return receipts
}

func checkAccepted(t testing.TB, receipts []*tocsin.Receipt) {
	t.Helper()
	for i, receipt := range receipts {
		got, err := receipt.Wait(t.Context())
		if err != nil || got.Notification.ID != fmt.Sprintf("of k%d", i) {
			t.Fatalf("number %d: got %v, %v", i, got, err)
		}
	}
}

// longLinger makes batches depend on their sizes alone.
var longLinger = tocsin.WithLinger(time.Hour)

func TestRequestsThatComeTogetherGoOutTogether(t *testing.T) {
	server := serveBatches(t, nil)
	sender := dial(t, server.address).NewSender(longLinger, tocsin.WithInFlight(1))
	receipts := handOver(t, sender, 1200)
	if err := sender.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkAccepted(t, receipts)
	var sizes []int
	for _, batch := range server.seen() {
		sizes = append(sizes, len(batch))
	}
	if !slices.Equal(sizes, []int{500, 500, 200}) {
		t.Errorf("got batches of %v", sizes)
	}
	if all := slices.Concat(server.seen()...); all[0] != "k0" || all[1199] != "k1199" {
		t.Error("they are out of order")
	}
	_ = sender.Close()
}

func TestABatchEndsBeforeItIsTooLarge(t *testing.T) {
	server := serveBatches(t, nil)
	sender := dial(t, server.address).NewSender(longLinger, tocsin.WithBatch(500, 10_000))
	for i := range 4 {
		one := keyed(fmt.Sprintf("k%d", i))
		one.Message = strings.Repeat("x", 4000)
		if i == 3 {
			one.Message = strings.Repeat("x", 60_000) // alone, however large
		}
		if _, err := sender.Send(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	if err := sender.Close(); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, batch := range server.seen() {
		sizes = append(sizes, len(batch))
	}
	slices.Sort(sizes)
	if !slices.Equal(sizes, []int{1, 1, 2}) {
		t.Errorf("got batches of %v", sizes)
	}
}

func TestARequestDoesNotWaitForOthersForLong(t *testing.T) {
	server := serveBatches(t, nil)
	sender := dial(t, server.address).NewSender()
	defer sender.Close()
	checkAccepted(t, handOver(t, sender, 1))
}

func TestEachRequestHasItsOwnResult(t *testing.T) {
	refused, _ := status.FromError(refusal(codes.FailedPrecondition, "ADDRESS_UNKNOWN"))
	server := serveBatches(t, func(_ int, _ *v1.SendBatchRequest, accepted *v1.SendBatchResponse) error {
		accepted.Results[1] = &v1.SendResult{Result: &v1.SendResult_Error{Error: refused.Proto()}}
		return nil
	})
	sender := dial(t, server.address).NewSender(longLinger)
	receipts := handOver(t, sender, 3)
	_ = sender.Close()
	if _, err := receipts[1].Wait(t.Context()); !errors.Is(err, tocsin.ErrAddressUnknown) {
		t.Errorf("got %v", err)
	}
	checkAccepted(t, receipts[:1])
	if got, err := receipts[2].Wait(t.Context()); err != nil || got.Notification.ID != "of k2" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestABatchThatFailsForTheMomentIsRepeatedWithItsKeys(t *testing.T) {
	for _, failure := range []error{
		refusal(codes.Unavailable, "SHUTTING_DOWN"),
		refusal(codes.ResourceExhausted, "QUEUE_FULL", retryAfter(time.Millisecond)),
		status.Error(codes.Canceled, "cut off"),
		status.Error(codes.DeadlineExceeded, "too late"),
	} {
		server := serveBatches(t, func(call int, _ *v1.SendBatchRequest, _ *v1.SendBatchResponse) error {
			if call < 3 {
				return failure
			}
			return nil
		})
		sender := dial(t, server.address).NewSender(longLinger)
		receipts := handOver(t, sender, 3)
		_ = sender.Close()
		checkAccepted(t, receipts)
		if seen := server.seen(); len(seen) != 3 || !slices.Equal(seen[0], seen[2]) {
			t.Errorf("%v: got %v", failure, seen)
		}
	}
}

func TestOnlyWhatFailedForTheMomentIsRepeated(t *testing.T) {
	full, _ := status.FromError(refusal(codes.ResourceExhausted, "QUEUE_FULL", retryAfter(time.Millisecond)))
	server := serveBatches(t, func(call int, _ *v1.SendBatchRequest, accepted *v1.SendBatchResponse) error {
		if call == 1 {
			accepted.Results[1] = &v1.SendResult{Result: &v1.SendResult_Error{Error: full.Proto()}}
		}
		return nil
	})
	sender := dial(t, server.address).NewSender(longLinger)
	receipts := handOver(t, sender, 3)
	_ = sender.Close()
	checkAccepted(t, receipts)
	if seen := server.seen(); len(seen) != 2 || !slices.Equal(seen[1], []string{"k1"}) {
		t.Errorf("got %v", seen)
	}
}

func TestOtherFailuresOfABatchAreThoseOfItsRequests(t *testing.T) {
	for _, failure := range []error{
		refusal(codes.PermissionDenied, "PERMISSION_DENIED"),
		refusal(codes.Internal, "INTERNAL"),
		refusal(codes.ResourceExhausted, "POLICY_LIMIT", retryAfter(time.Millisecond)),
	} {
		server := serveBatches(t, func(int, *v1.SendBatchRequest, *v1.SendBatchResponse) error { return failure })
		sender := dial(t, server.address).NewSender(longLinger)
		receipts := handOver(t, sender, 2)
		_ = sender.Close()
		for _, receipt := range receipts {
			if _, err := receipt.Wait(t.Context()); status.Code(err) != status.Code(failure) {
				t.Errorf("got %v, want %v", err, failure)
			}
		}
		if len(server.seen()) != 1 {
			t.Errorf("%v: repeated", failure)
		}
	}
}

func TestAWaitBeyondTheDeliveryTimeoutFailsAtOnce(t *testing.T) {
	server := serveBatches(t, func(int, *v1.SendBatchRequest, *v1.SendBatchResponse) error {
		return refusal(codes.ResourceExhausted, "RATE_LIMITED", retryAfter(time.Hour))
	})
	sender := dial(t, server.address).NewSender(longLinger)
	receipts := handOver(t, sender, 1)
	_ = sender.Close()
	if _, err := receipts[0].Wait(t.Context()); !errors.Is(err, tocsin.ErrRateLimited) || len(server.seen()) != 1 {
		t.Errorf("got %v after %d calls", err, len(server.seen()))
	}
}

func TestAServerThatNeverAnswersIsAskedAgain(t *testing.T) {
	hang := make(chan struct{})
	server := serveBatches(t, func(call int, _ *v1.SendBatchRequest, _ *v1.SendBatchResponse) error {
		if call == 1 {
			<-hang
		}
		return nil
	})
	defer close(hang)
	sender := dial(t, server.address).NewSender(longLinger, tocsin.WithAttemptTimeout(50*time.Millisecond))
	receipts := handOver(t, sender, 1)
	_ = sender.Close()
	checkAccepted(t, receipts)
}

func TestSendWaitsForRoomNoLongerThanItsContext(t *testing.T) {
	hang := make(chan struct{})
	server := serveBatches(t, func(int, *v1.SendBatchRequest, *v1.SendBatchResponse) error {
		<-hang
		return nil
	})
	sender := dial(t, server.address).NewSender(tocsin.WithPending(2, 0))
	receipts := handOver(t, sender, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := sender.Send(ctx, keyed("k2")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	close(hang)
	third, err := sender.Send(t.Context(), keyed("k2"))
	if err != nil {
		t.Fatal(err)
	}
	_ = sender.Close()
	checkAccepted(t, append(receipts, third))
}

func TestBytesTakeRoomToo(t *testing.T) {
	hang := make(chan struct{})
	server := serveBatches(t, func(int, *v1.SendBatchRequest, *v1.SendBatchResponse) error {
		<-hang
		return nil
	})
	sender := dial(t, server.address).NewSender(tocsin.WithPending(10_000, 0)) // at least 2 MiB
	large := draft()
	large.Message = strings.Repeat("x", 1<<20)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var err error
	taken := 0
	for ; err == nil && taken < 10; taken++ {
		_, err = sender.Send(ctx, large)
	}
	if !errors.Is(err, context.DeadlineExceeded) || taken > 3 {
		t.Errorf("took %d, then %v", taken, err)
	}
	close(hang)
	_ = sender.Close()
}

func TestWhatCannotBeSentIsRefusedAtOnceAndSpoilsNothing(t *testing.T) {
	server := serveBatches(t, nil)
	sender := dial(t, server.address).NewSender(longLinger)
	receipts := handOver(t, sender, 1)
	for sentence, change := range map[string]func(*tocsin.Draft){
		"the title is not valid UTF-8": func(d *tocsin.Draft) { d.Title = "\xff" },
		"more than the 2097152":        func(d *tocsin.Draft) { d.Message = strings.Repeat("x", 3<<20) },
		`channel "fax" is not one of`:  func(d *tocsin.Draft) { d.Channels = tocsin.Via("fax") },
	} {
		bad := draft()
		change(&bad)
		if _, err := sender.Send(t.Context(), bad); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("got %v, want %s", err, sentence)
		}
	}
	_ = sender.Close()
	checkAccepted(t, receipts)
}

func TestAClosedSenderRefusesWhatComes(t *testing.T) {
	server := serveBatches(t, nil)
	sender := dial(t, server.address).NewSender(longLinger)
	receipts := handOver(t, sender, 3)
	for range 2 {
		if err := sender.Close(); err != nil {
			t.Fatal(err)
		}
	}
	checkAccepted(t, receipts)
	if _, err := sender.Send(t.Context(), draft()); !errors.Is(err, tocsin.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAShutdownThatTakesTooLongEndsWhatIsLeft(t *testing.T) {
	arrived, hang := make(chan struct{}, 10), make(chan struct{})
	server := serveBatches(t, func(int, *v1.SendBatchRequest, *v1.SendBatchResponse) error {
		arrived <- struct{}{}
		<-hang
		return nil
	})
	defer close(hang)
	sender := dial(t, server.address).NewSender(longLinger, tocsin.WithBatch(1, 1<<20), tocsin.WithInFlight(1))
	receipts := handOver(t, sender, 3)
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sender.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for i, receipt := range receipts {
		_, err := receipt.Wait(t.Context())
		if errorIn(t, err).Code != codes.Canceled || !errors.Is(err, tocsin.ErrClosed) {
			t.Errorf("number %d: got %v", i, err)
		}
	}
}

func TestClosingTheClientEndsWhatItsSendersHave(t *testing.T) {
	arrived, hang := make(chan struct{}, 10), make(chan struct{})
	server := serveBatches(t, func(int, *v1.SendBatchRequest, *v1.SendBatchResponse) error {
		arrived <- struct{}{}
		<-hang
		return nil
	})
	defer close(hang)
	client := dial(t, server.address)
	sender := client.NewSender()
	receipts := handOver(t, sender, 1)
	<-arrived
	_ = client.Close()
	if _, err := receipts[0].Wait(t.Context()); errorIn(t, err).Code != codes.Canceled || !errors.Is(err, tocsin.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := sender.Send(t.Context(), draft()); !errors.Is(err, tocsin.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestClosingTheClientEndsWhatIsStillGathering(t *testing.T) {
	server := serveBatches(t, nil)
	client := dial(t, server.address)
	receipts := handOver(t, client.NewSender(longLinger), 3)
	_ = client.Close()
	for _, receipt := range receipts {
		if _, err := receipt.Wait(t.Context()); errorIn(t, err).Code != codes.Canceled || !errors.Is(err, tocsin.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	if len(server.seen()) != 0 {
		t.Error("they were sent")
	}
}

func TestABatchIsNeverLargerThanTheServerTakes(t *testing.T) {
	server := serveBatches(t, nil)
	sender := dial(t, server.address).NewSender(longLinger, tocsin.WithBatch(100_000, 1<<30))
	handOver(t, sender, 1500)
	_ = sender.Close()
	for _, batch := range server.seen() {
		if len(batch) > 1000 {
			t.Errorf("got %d", len(batch))
		}
	}
}

func TestAContextEndsTheWaitForAResultAndNotTheRequest(t *testing.T) {
	server := serveBatches(t, nil)
	sender := dial(t, server.address).NewSender(longLinger)
	receipts := handOver(t, sender, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := receipts[0].Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := sender.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-receipts[0].Done() // Flush has sent it
	checkAccepted(t, receipts)
	if _, err := receipts[0].Wait(ctx); err != nil {
		t.Errorf("a result that is there is not given: %v", err)
	}
	_ = sender.Close()
}

func TestManyGoroutinesShareASender(t *testing.T) {
	server := serveBatches(t, nil)
	sender := dial(t, server.address).NewSender(tocsin.WithPending(100, 0))
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for j := range 100 {
				key := fmt.Sprintf("%d-%d", i, j)
				receipt, err := sender.Send(t.Context(), keyed(key))
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := receipt.Wait(t.Context()); err != nil || got.Notification.ID != "of "+key {
					t.Errorf("got %v, %v", got, err)
				}
			}
		})
	}
	all.Wait()
	_ = sender.Close()
	if all := slices.Concat(server.seen()...); len(all) != 2000 || len(server.seen()) > 1000 {
		t.Errorf("%d requests in %d batches", len(all), len(server.seen()))
	}
}
