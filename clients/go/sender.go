package tocsin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// largestRequest and mostRequests are what the server takes in one SendBatch, in bytes and in number.
const (
	largestRequest = 2 << 20
	mostRequests   = 1000
)

// overhead is what a waiting request takes in memory beside its content, in bytes, about.
const overhead = 1 << 10

type senderOptions struct {
	linger          time.Duration
	requests        int
	bytes           int
	pending         int64
	pendingBytes    int64
	inFlight        int
	deliveryTimeout time.Duration
	attemptTimeout  time.Duration
}

// A SenderOption is one of Client.NewSender.
type SenderOption func(*senderOptions)

// WithLinger sets how long a request waits at most for others to go with, in place of 5 ms.
func WithLinger(linger time.Duration) SenderOption {
	return func(o *senderOptions) { o.linger = linger }
}

// WithBatch sets how many requests, and how many bytes of them, go out in one call at most, in place of 500 and 1 MiB.
// A request that is larger goes alone. The server takes 1,000 and 2 MiB; more counts as that.
func WithBatch(requests, bytes int) SenderOption {
	return func(o *senderOptions) {
		o.requests = min(max(requests, 1), mostRequests)
		o.bytes = min(bytes, largestRequest-8*mostRequests) // each has its length in front
	}
}

// WithPending sets how many requests, and about how many bytes of them, may wait for their results, in place of 10,000
// and 32 MiB. Beyond that Send blocks. It is at least one request of 2 MiB.
func WithPending(requests int, bytes int64) SenderOption {
	return func(o *senderOptions) {
		o.pending, o.pendingBytes = max(int64(requests), 1), max(bytes, largestRequest+overhead)
	}
}

// WithInFlight sets how many batches may be on their way at once, in place of 2. With 1, requests are stored in the order
// in which they were sent, except those that the server refused for the moment.
func WithInFlight(batches int) SenderOption {
	return func(o *senderOptions) { o.inFlight = max(batches, 1) }
}

// WithDeliveryTimeout sets how long a request is tried at most, in place of two minutes.
func WithDeliveryTimeout(timeout time.Duration) SenderOption {
	return func(o *senderOptions) { o.deliveryTimeout = timeout }
}

// WithAttemptTimeout sets how long a call may stay without an answer before it is repeated, in place of 10 s.
func WithAttemptTimeout(timeout time.Duration) SenderOption {
	return func(o *senderOptions) { o.attemptTimeout = timeout }
}

// A Sender sends in bulk. What is sent within five milliseconds, by many goroutines or by one that does not wait for
// results, goes out as one SendBatch: the way past the cost of a call for each. What fails for the moment is repeated
// with the same idempotency keys. Within a batch requests are stored in their order; see WithInFlight.
//
// It is safe for use by several goroutines. Close it.
type Sender struct {
	client  *Client
	options senderOptions
	count   *semaphore.Weighted // of what is pending
	bytes   *semaphore.Weighted // likewise
	ctx     context.Context
	end     context.CancelCauseFunc

	mu        sync.Mutex
	closed    bool
	gathering batch
	ready     []batch // complete, and waiting for a worker
	workers   int
	timer     *time.Timer           // completes what is gathering
	open      map[*Receipt]struct{} // all without a result
}

type batch struct {
	receipts []*Receipt
	bytes    int
	since    time.Time // when the first one came
}

// NewSender returns a sender that uses the client's connection.
func (c *Client) NewSender(given ...SenderOption) *Sender {
	s := &Sender{client: c, open: make(map[*Receipt]struct{})}
	s.options = senderOptions{
		linger:          5 * time.Millisecond,
		requests:        500,
		bytes:           1 << 20,
		pending:         10_000,
		pendingBytes:    32 << 20,
		inFlight:        2,
		deliveryTimeout: 2 * time.Minute,
		attemptTimeout:  10 * time.Second,
	}
	for _, option := range given {
		option(&s.options)
	}
	s.count = semaphore.NewWeighted(s.options.pending)
	s.bytes = semaphore.NewWeighted(s.options.pendingBytes)
	s.ctx, s.end = context.WithCancelCause(c.ctx)
	context.AfterFunc(s.ctx, s.hurry) // a worker then finds that the client, or the sender, has ended
	return s
}

// A Receipt will have the result of one request of a Sender.
type Receipt struct {
	request  *v1.SendRequest
	bytes    int64
	deadline time.Time
	done     chan struct{}
	accepted *Accepted
	err      error
}

// Done is closed when the result is there.
func (r *Receipt) Done() <-chan struct{} { return r.done }

// Wait waits for the result. If the context ends before, it returns the context's error, and the request goes on.
func (r *Receipt) Wait(ctx context.Context) (*Accepted, error) {
	select {
	case <-r.done:
		return r.accepted, r.err
	default:
	}
	select {
	case <-r.done:
		return r.accepted, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Send takes a draft and returns at once, unless as much is pending as is allowed: then it waits for room. The context
// bounds this wait, and nothing else. After an error nothing was taken.
func (s *Sender) Send(ctx context.Context, draft Draft) (*Receipt, error) {
	request, err := draft.Request()
	if err != nil {
		return nil, err
	}
	// Serialised here, because one request that cannot be would spoil a whole batch.
	content, err := proto.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("tocsin: %w", err)
	}
	if len(content) > largestRequest {
		return nil, fmt.Errorf("tocsin: the draft takes %d bytes, more than the %d that can be sent", len(content), largestRequest)
	}
	r := &Receipt{request: request, bytes: int64(len(content)) + overhead, done: make(chan struct{})}
	if err := s.reserve(ctx, r); err != nil {
		return nil, err
	}
	if !s.take(r, len(content)) {
		s.release(r)
		return nil, ErrClosed
	}
	return r, nil
}

func (s *Sender) reserve(ctx context.Context, r *Receipt) error {
	if err := s.count.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	if err := s.bytes.Acquire(ctx, r.bytes); err != nil {
		s.count.Release(1)
		return context.Cause(ctx)
	}
	return nil
}

func (s *Sender) release(r *Receipt) {
	s.bytes.Release(r.bytes)
	s.count.Release(1)
}

func (s *Sender) take(r *Receipt, size int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ctx.Err() != nil {
		return false
	}
	now := time.Now()
	r.deadline = now.Add(s.options.deliveryTimeout)
	s.open[r] = struct{}{}
	if s.gathering.bytes+size > s.options.bytes {
		s.complete()
	}
	if len(s.gathering.receipts) == 0 {
		s.gathering.since = now
		s.timer = time.AfterFunc(s.options.linger, s.lingered)
	}
	s.gathering.receipts = append(s.gathering.receipts, r)
	s.gathering.bytes += size
	if len(s.gathering.receipts) >= s.options.requests {
		s.complete()
	}
	return true
}

// lingered sends what has gathered, unless every worker is busy: then it goes on gathering until one is free.
func (s *Sender) lingered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers < s.options.inFlight && s.due() {
		s.complete()
	}
}

// hurry completes what is gathering before its time.
func (s *Sender) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complete()
}

// due tells whether the oldest of what is gathering has waited long enough. The lock is held.
func (s *Sender) due() bool {
	return len(s.gathering.receipts) > 0 && time.Since(s.gathering.since) >= s.options.linger
}

// complete makes what has gathered a batch, and finds it a worker. The lock is held.
func (s *Sender) complete() {
	if len(s.gathering.receipts) == 0 {
		return
	}
	s.timer.Stop()
	s.ready = append(s.ready, s.gathering)
	s.gathering = batch{}
	if s.workers < s.options.inFlight {
		s.workers++
		go s.work()
	}
}

// work sends batches until there are no more.
func (s *Sender) work() {
	for receipts := s.next(); receipts != nil; receipts = s.next() {
		s.store(receipts)
	}
}

// next returns the next batch for a worker; nil ends it.
func (s *Sender) next() []*Receipt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ready) == 0 && s.due() {
		s.complete()
	}
	if len(s.ready) == 0 {
		s.workers--
		return nil
	}
	next := s.ready[0].receipts
	s.ready[0] = batch{}
	s.ready = s.ready[1:]
	return next
}

// store sends a batch, and again what of it failed for the moment, until all have a result or their time is over.
func (s *Sender) store(receipts []*Receipt) {
	for failures := 1; ; failures++ {
		left, cause := s.attempt(receipts)
		if len(left) == 0 {
			return
		}
		wait := s.client.options.retry.delay(failures, cause.RetryAfter)
		late := left[0].deadline.Before(time.Now().Add(wait)) // the first came first
		if late || !s.client.sleep(s.ctx, wait) {
			for _, r := range left {
				s.resolve(r, Result{Err: cause})
			}
			return
		}
		receipts = left
	}
}

// attempt sends a batch once, and returns those that are to be sent again, and why.
func (s *Sender) attempt(receipts []*Receipt) (left []*Receipt, cause *Error) {
	results, failed := s.call(receipts)
	for i, r := range receipts {
		result := Result{Err: failed}
		if failed == nil {
			result = resultOf(results[i])
		}
		again, ok := result.Err.(*Error)
		if !ok || !passes(again) || s.ctx.Err() != nil {
			s.resolve(r, result)
			continue
		}
		left = append(left, r)
		if cause == nil || again.RetryAfter > cause.RetryAfter {
			cause = again
		}
	}
	return left, cause
}

// call makes one attempt's call. It has a time of its own, for a server that takes requests and never answers.
func (s *Sender) call(receipts []*Receipt) ([]*v1.SendResult, error) {
	request := &v1.SendBatchRequest{Requests: make([]*v1.SendRequest, len(receipts))}
	for i, r := range receipts {
		request.Requests[i] = r.request
	}
	ctx, cancel := context.WithTimeout(s.ctx, min(s.options.attemptTimeout, time.Until(receipts[0].deadline)))
	defer cancel()
	answer, err := s.client.notifications.SendBatch(ctx, request)
	if s.ctx.Err() != nil && err != nil {
		closed := errorFromStatus(status.New(codes.Canceled, "closed before there was an answer"))
		closed.cause = ErrClosed
		return nil, closed
	}
	if err == nil && len(answer.GetResults()) != len(receipts) {
		err = errorFromStatus(status.Newf(codes.Internal, "%d results for %d requests", len(answer.GetResults()), len(receipts)))
	}
	return answer.GetResults(), err
}

// passes tells whether an error passes by itself, or leaves open whether something was stored: repeating is safe then,
// since everything has its key. RESOURCE_EXHAUSTED asks to slow down, which a sender does by waiting; but not for a
// policy's limit, which is one recipient's and may last for days, while others wait behind.
func passes(err *Error) bool {
	switch err.Code {
	case codes.Unavailable, codes.DeadlineExceeded:
		return true
	case codes.ResourceExhausted:
		return err.Reason != ErrPolicyLimit
	case codes.Canceled:
		return err.Reason == "" // cut off by a server that stopped
	default:
		return false
	}
}

func (s *Sender) resolve(r *Receipt, result Result) {
	r.request, r.accepted, r.err = nil, result.Accepted, result.Err
	close(r.done)
	s.mu.Lock()
	delete(s.open, r)
	s.mu.Unlock()
	s.release(r)
}

// Flush sends at once what has gathered, and waits until all that was sent before has its result. The context bounds
// the wait.
func (s *Sender) Flush(ctx context.Context) error {
	s.hurry()
	s.mu.Lock()
	open := make([]*Receipt, 0, len(s.open))
	for r := range s.open {
		open = append(open, r)
	}
	s.mu.Unlock()
	for _, r := range open {
		select {
		case <-r.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Close refuses what is sent from now on, and waits until all that was sent has its result: at most as long as the
// sender tries, see WithDeliveryTimeout. It may be called repeatedly, and from any goroutine.
func (s *Sender) Close() error { return s.Shutdown(context.Background()) }

// Shutdown is Close with a bound. When the context ends, it returns the context's error, and what has no result fails
// with codes.Canceled and ErrClosed: whether it was stored is open.
func (s *Sender) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.Flush(ctx)
	s.end(ErrClosed)
	return errors.Join(err, s.Flush(context.Background())) // the latter waits for workers that have nothing to wait for
}
