package tocsin

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// Why not the retryPolicy of gRPC's service config. It does not read google.rpc.RetryInfo, only a trailer that Tocsin
// does not send. Where the deadline comes first it fails with DEADLINE_EXCEEDED, and hides that nobody listens there.
// And it cannot tell a Send with a key from one without. What gRPC does below that stays on: a call that has provably
// never left the client is repeated without asking us.

// longestWait bounds what a server asks for.
const longestWait = time.Hour

// A Backoff says how long to wait before the next attempt: a random time, from nothing to a bound that grows with each
// failure in a row. The jitter is full, so that the many clients of a server that restarts do not come back together.
// What is zero keeps its default.
type Backoff struct {
	// Initial is the bound after the first failure, Max the largest one.
	Initial time.Duration
	Max     time.Duration
	// Factor is what the bound is multiplied by after each further failure; less than 1 counts as 1.
	Factor float64
}

// orElse returns it with what is zero taken from defaults: without a wait, a server that is away would be asked without
// pause.
func (b Backoff) orElse(defaults Backoff) Backoff {
	return Backoff{
		Initial: cmp.Or(b.Initial, defaults.Initial),
		Max:     cmp.Or(b.Max, defaults.Max),
		Factor:  cmp.Or(b.Factor, defaults.Factor),
	}
}

// delay returns the wait after so many failures in a row, 1 or more. The server may ask for a least one.
func (b Backoff) delay(failures int, least time.Duration) time.Duration {
	bound := float64(b.Initial) * math.Pow(max(b.Factor, 1), float64(min(failures-1, 64))) // finite
	return min(least, longestWait) + time.Duration(rand.Float64()*min(bound, float64(b.Max)))
}

// repeatable are the calls that may be made again when it is open whether they took effect. Cancel, Retry and
// DeleteContact would fail the second time, and so hide that the first had worked.
var repeatable = map[string]bool{
	v1.NotificationService_Get_FullMethodName:         true,
	v1.NotificationService_List_FullMethodName:        true,
	v1.NotificationService_MarkRead_FullMethodName:    true,
	v1.NotificationService_CountUnread_FullMethodName: true,
	v1.NotificationService_Route_FullMethodName:       true,
	v1.ContactService_PutContact_FullMethodName:       true,
	v1.ContactService_GetContact_FullMethodName:       true,
	v1.ContactService_ListContacts_FullMethodName:     true,
	v1.DecisionService_LeaseUndecided_FullMethodName:  true,
	v1.DecisionService_Preview_FullMethodName:         true,
	v1.DecisionService_WhoAmI_FullMethodName:          true,
	v1.DecisionService_Explain_FullMethodName:         true,
	v1.DecisionService_Simulate_FullMethodName:        true,
	v1.DecisionService_Backtest_FullMethodName:        true,
}

// isRepeatable tells whether a call is, by its method, or because all that it sends has keys.
func isRepeatable(method string, request any) bool {
	switch request := request.(type) {
	case *v1.SendRequest:
		return request.GetIdempotencyKey() != ""
	case *v1.SendBatchRequest:
		for _, one := range request.GetRequests() {
			if one.GetIdempotencyKey() == "" {
				return false
			}
		}
		return true
	default:
		return repeatable[method]
	}
}

// worthRepeating tells whether another attempt may succeed: after UNAVAILABLE, and a CANCELLED that nobody on this side
// asked for, which is how calls end that reach a server at the moment of its stop. RESOURCE_EXHAUSTED asks the caller
// to slow down, which he can only do if he learns of it.
func worthRepeating(err *Error) bool {
	return err.Code == codes.Unavailable || err.Code == codes.Canceled && err.Reason == ""
}

// unary is around each call of the connection: it gives it a deadline and the token, repeats it, and converts its error.
func (c *Client) unary(
	ctx context.Context, method string, request, reply any,
	conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	ctx, cancel := c.withDeadline(ctx, request)
	defer cancel()
	var before *Error
	for failures := 1; ; failures++ {
		err := c.attempt(ctx, func(ctx context.Context) error {
			return invoke(ctx, method, request, reply, conn, options...)
		})
		failed, ok := err.(*Error)
		if ok && before != nil && failed.Code == codes.DeadlineExceeded {
			failed.Message += "; the attempt before: " + before.Error()
		}
		if !ok || ctx.Err() != nil || c.ctx.Err() != nil || !worthRepeating(failed) || !isRepeatable(method, request) {
			return err
		}
		delay := c.options.retry.delay(failures, failed.RetryAfter)
		// To wait longer than the deadline allows would help nobody: fail at once, with the error that says why.
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= delay {
			return err
		}
		if !c.sleep(ctx, delay) {
			return err
		}
		before = failed
	}
}

// attempt makes one, with the current token.
func (c *Client) attempt(ctx context.Context, invoke func(context.Context) error) error {
	if c.ctx.Err() != nil {
		return ErrClosed
	}
	attempt, err := c.authorized(ctx)
	if err != nil {
		return err
	}
	if err = invoke(attempt); err == nil {
		return nil
	}
	err = errorOf(ctx, err)
	if failed, ok := err.(*Error); ok {
		switch {
		case failed.Code == codes.Canceled && c.ctx.Err() != nil:
			failed.cause = ErrClosed
		case failed.Code == codes.Unavailable && slices.Contains(noServers, failed.Message):
			failed.Message = c.conn.Target() + " leads to no address: is the name right?"
		}
	}
	return err
}

// withDeadline gives a call one whose context has none. LeaseUndecided gets what it is to wait on top.
func (c *Client) withDeadline(ctx context.Context, request any) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	timeout := c.options.timeout
	if lease, ok := request.(*v1.LeaseUndecidedRequest); ok {
		timeout += lease.GetWait().AsDuration()
	}
	return context.WithTimeout(ctx, timeout)
}

// authorized returns a context that carries the current token.
func (c *Client) authorized(ctx context.Context) (context.Context, error) {
	if c.options.token == nil {
		return ctx, nil
	}
	token, err := c.options.token(ctx)
	if err != nil {
		return nil, &tokenError{err}
	}
	if token == "" {
		return ctx, nil
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		// Such as a file's last line break. The token itself is nothing to show.
		return nil, &tokenError{errors.New("it has spaces, line breaks or letters that are not ASCII: trim it")}
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), nil
}

// A tokenError is what the source of the token failed with.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return "tocsin: no token: " + e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// sleep returns false if the context or the client ended before.
func (c *Client) sleep(ctx context.Context, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-c.ctx.Done():
	}
	return false
}

// stream is around each stream of the connection.
func (c *Client) stream(
	ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	var opened grpc.ClientStream
	err := c.attempt(ctx, func(ctx context.Context) (err error) {
		opened, err = open(ctx, description, conn, method, options...)
		return err
	})
	return opened, err
}
