package tocsin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	// DefaultTimeout is how long a call may take whose context has no deadline, repetitions and waits included.
	DefaultTimeout = 10 * time.Second

	// DefaultSilence is how long nothing may come on a stream before it counts as dead. Heartbeats come every 25 s.
	DefaultSilence = 60 * time.Second
)

// A TokenSource gives the current bearer token. It is asked for each attempt of a call and for each stream.
type TokenSource func(context.Context) (string, error)

// An Option is one of New.
type Option func(*options)

type options struct {
	secure    bool
	tls       *tls.Config
	token     TokenSource
	renewable bool
	timeout   time.Duration
	silence   time.Duration
	retry     Backoff
	reconnect Backoff
	logger    *slog.Logger
	dial      []grpc.DialOption
}

func optionsOf(given []Option) (*options, error) {
	o := &options{
		timeout:   DefaultTimeout,
		silence:   DefaultSilence,
		retry:     Backoff{Initial: 100 * time.Millisecond, Factor: 2, Max: 2 * time.Second},
		reconnect: Backoff{Initial: 500 * time.Millisecond, Factor: 2, Max: 30 * time.Second},
		logger:    slog.Default(),
	}
	for _, option := range given {
		option(o)
	}
	switch {
	case o.timeout <= 0:
		return nil, fmt.Errorf("tocsin: WithTimeout: %v is no time for a call: give more than 0", o.timeout)
	case o.silence <= 0:
		return nil, fmt.Errorf("tocsin: WithSilence: %v is no time for an event: give more than the server's 25 s", o.silence)
	case o.logger == nil:
		o.logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// WithTLS encrypts the connection. With a nil configuration, the system's authorities vouch for the server. LoadTLS
// makes one for an authority, or a client's certificate, of one's own.
func WithTLS(config *tls.Config) Option {
	return func(o *options) { o.secure, o.tls = true, config }
}

// LoadTLS returns a configuration that trusts the authorities in the PEM file roots, and shows the certificate in the
// PEM files certificate and key. Empty names mean the system's authorities, and no certificate.
func LoadTLS(roots, certificate, key string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if roots != "" {
		pem, err := os.ReadFile(roots)
		if err != nil {
			return nil, fmt.Errorf("tocsin: authorities: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tocsin: authorities: %s has no certificate in PEM form", roots)
		}
	}
	if (certificate == "") != (key == "") {
		return nil, errors.New("tocsin: a certificate and its key belong together: give both or neither")
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("tocsin: certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// WithToken sends a bearer token with each call. An empty one is none.
func WithToken(token string) Option {
	return func(o *options) {
		o.token, o.renewable = nil, false
		if token != "" {
			o.token = func(context.Context) (string, error) { return token, nil }
		}
	}
}

// WithTokenSource asks for a bearer token for each attempt of a call and for each stream. With it, a subscription
// outlives its token.
func WithTokenSource(source TokenSource) Option {
	return func(o *options) { o.token, o.renewable = source, true }
}

// WithTimeout sets how long a call may take whose context has no deadline, in place of DefaultTimeout.
func WithTimeout(timeout time.Duration) Option {
	return func(o *options) { o.timeout = timeout }
}

// WithRetry sets the waits between the attempts of a call.
func WithRetry(waits Backoff) Option {
	return func(o *options) { o.retry = waits.orElse(o.retry) }
}

// WithReconnect sets the waits between the streams of a subscription.
func WithReconnect(waits Backoff) Option {
	return func(o *options) { o.reconnect = waits.orElse(o.reconnect) }
}

// WithSilence sets after how long without any event a stream counts as dead, in place of DefaultSilence.
func WithSilence(silence time.Duration) Option {
	return func(o *options) { o.silence = silence }
}

// WithLogger sets where interruptions of subscriptions are told, in place of slog.Default.
func WithLogger(logger *slog.Logger) Option {
	return func(o *options) { o.logger = logger }
}

// WithDialOptions adds options of gRPC, such as interceptors. They win over the client's own.
func WithDialOptions(dial ...grpc.DialOption) Option {
	return func(o *options) { o.dial = append(o.dial, dial...) }
}

func (o *options) dialOptions() []grpc.DialOption {
	transport := insecure.NewCredentials()
	if o.secure {
		transport = credentials.NewTLS(o.tls)
	}
	// gRPC's largest wait is two minutes, which is how long calls would go on failing at once after a server that was
	// away has come back.
	waits := backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second}
	return append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithUserAgent("tocsin-go"),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: waits, MinConnectTimeout: 5 * time.Second}),
		// The server refuses clients that ask more often than every 30 s.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		// What a name server says of it is not ours.
		grpc.WithDisableServiceConfig(),
	}, o.dial...)
}
