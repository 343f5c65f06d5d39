package tocsin_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// quick are waits that do not make tests slow.
var quick = tocsin.Backoff{Initial: time.Millisecond, Factor: 2, Max: 5 * time.Millisecond}

// A fake is a gRPC server that answers as a test says.
type fake struct {
	v1.UnimplementedNotificationServiceServer
	address string
	server  *grpc.Server
	served  chan struct{}

	// unary answers every unary call.
	unary func(ctx context.Context, method string, request any) (any, error)
	// subscribe serves every stream.
	subscribe func(request *v1.SubscribeRequest, stream subscribeStream) error
}

type subscribeStream = grpc.ServerStreamingServer[v1.SubscribeResponse]

func (f *fake) Subscribe(request *v1.SubscribeRequest, stream subscribeStream) error {
	return f.subscribe(request, stream)
}

// start serves until the test ends.
func (f *fake) start(t testing.TB, options ...grpc.ServerOption) *fake {
	t.Helper()
	f.listen(t, "127.0.0.1:0", options...)
	t.Cleanup(f.stop)
	return f
}

func (f *fake) listen(t testing.TB, address string, options ...grpc.ServerOption) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	f.serveOn(listener, options...)
}

func (f *fake) serveOn(listener net.Listener, options ...grpc.ServerOption) {
	answer := func(ctx context.Context, request any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
		return f.unary(ctx, info.FullMethod, request)
	}
	f.address = listener.Addr().String()
	f.server = grpc.NewServer(append(options, grpc.UnaryInterceptor(answer))...)
	v1.RegisterNotificationServiceServer(f.server, f)
	v1.RegisterContactServiceServer(f.server, v1.UnimplementedContactServiceServer{})
	v1.RegisterDecisionServiceServer(f.server, v1.UnimplementedDecisionServiceServer{})
	f.served = make(chan struct{})
	go func(server *grpc.Server, served chan struct{}) {
		defer close(served)
		_ = server.Serve(listener)
	}(f.server, f.served)
}

func (f *fake) stop() {
	f.server.Stop()
	<-f.served
}

// dial returns a client that the end of the test closes.
func dial(t testing.TB, address string, options ...tocsin.Option) *tocsin.Client {
	t.Helper()
	client, err := tocsin.New(address, append([]tocsin.Option{tocsin.WithRetry(quick), tocsin.WithReconnect(quick)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// refusal returns an error as the server makes them.
func refusal(code codes.Code, reason string, details ...protoadapt.MessageV1) error {
	info := &errdetails.ErrorInfo{Domain: "tocsin", Reason: reason, Metadata: map[string]string{"some": "fact"}}
	made, err := status.New(code, "a sentence").WithDetails(append([]protoadapt.MessageV1{info}, details...)...)
	if err != nil {
		panic(err)
	}
	return made.Err()
}

func retryAfter(wait time.Duration) protoadapt.MessageV1 {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(wait)}
}

// A script gives the next of its steps each time it is asked, and then the last one for ever.
type script[T any] struct {
	mu    sync.Mutex
	steps []T
	asked int
}

func scriptOf[T any](steps ...T) *script[T] { return &script[T]{steps: steps} }

func (s *script[T]) next() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := s.steps[min(s.asked, len(s.steps)-1)]
	s.asked++
	return step
}

func (s *script[T]) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// errorIn returns the *tocsin.Error in an error.
func errorIn(t *testing.T, err error) *tocsin.Error {
	t.Helper()
	failed, ok := asError(err)
	if !ok {
		t.Fatalf("%v is no *tocsin.Error", err)
	}
	return failed
}
