package main

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
)

// warmUp is how many cycles of churn there are before anything is counted.
const warmUp = 50

// A follower reads a subscription on demand: one event for each next, in a goroutine, so that one that waited in vain
// loses nothing.
type follower struct {
	subscription  *tocsin.Subscription
	interruptions chan error
	wanted        chan struct{}
	read          chan reading
	outstanding   bool
	ended         bool
}

type reading struct {
	event tocsin.Event
	err   error
}

func follow(client *tocsin.Client, whose tocsin.Recipient, cursor string) *follower {
	f := &follower{interruptions: make(chan error, 10_000), wanted: make(chan struct{}, 1), read: make(chan reading, 1)}
	tell := tocsin.OnInterruption(func(err error, _ time.Duration) { f.interruptions <- err })
	f.subscription = client.Subscribe(context.Background(), whose, tocsin.After(cursor), tell)
	go func() {
		for range f.wanted {
			event, err := f.subscription.Next()
			f.read <- reading{event, err}
		}
	}()
	return f
}

func (f *follower) next(timeout time.Duration) (answer, error) {
	if f.ended {
		return answer{"end": true}, nil
	}
	if !f.outstanding {
		f.outstanding = true
		f.wanted <- struct{}{}
	}
	select {
	case got := <-f.read:
		f.outstanding = false
		f.ended = got.err != nil
		switch {
		case errors.Is(got.err, io.EOF), errors.Is(got.err, tocsin.ErrClosed):
			return answer{"end": true}, nil
		case got.err != nil:
			return nil, got.err
		default:
			return answer{"event": eventJSON(got.event)}, nil
		}
	case <-time.After(timeout):
		return answer{"timeout": true}, nil
	}
}

func (f *follower) close() {
	if !f.ended {
		f.ended = true
		close(f.wanted)
	}
	_ = f.subscription.Close()
}

// Subscribe opens a subscription.
func (o operations) Subscribe(_ context.Context, given *arguments) (answer, error) {
	if before := o.followers[given.Subscription]; before != nil {
		before.close()
	}
	o.followers[given.Subscription] = follow(o.client(given), given.Recipient.value(), given.Cursor)
	return nil, nil
}

// Next waits for the next event.
func (o operations) Next(_ context.Context, given *arguments) (answer, error) {
	timeout := 10 * time.Second
	if given.Timeout != 0 {
		timeout = seconds(given.Timeout)
	}
	return o.followers[given.Subscription].next(timeout)
}

// Cursor tells the client's own.
func (o operations) Cursor(_ context.Context, given *arguments) (answer, error) {
	return answer{"cursor": o.followers[given.Subscription].subscription.Cursor()}, nil
}

// Interruptions tells what the client has told.
func (o operations) Interruptions(_ context.Context, given *arguments) (answer, error) {
	told := o.followers[given.Subscription].interruptions
	errs := []answer{}
	for range len(told) {
		err := <-told
		errs = append(errs, failure(err))
		told <- err
	}
	return answer{"interruptions": errs}, nil
}

// Unsubscribe closes a subscription.
func (o operations) Unsubscribe(_ context.Context, given *arguments) (answer, error) {
	o.followers[given.Subscription].close()
	return nil, nil
}

// Churn subscribes and leaves, again and again.
func (o operations) Churn(_ context.Context, given *arguments) (answer, error) {
	cycles := func(count int) (answer, error) {
		for range count {
			for _, err := range o.client(given).Subscribe(context.Background(), given.Recipient.value()).Events() {
				if err != nil {
					return nil, err
				}
				break
			}
		}
		least := runtime.NumGoroutine()
		for range 100 {
			runtime.GC() // which also lets others end
			least = min(least, runtime.NumGoroutine())
		}
		return answer{"goroutines": least}, nil
	}
	before, err := cycles(warmUp)
	if err != nil {
		return nil, err
	}
	after, err := cycles(given.Cycles)
	return answer{"counts": answer{"before": before, "after": after}}, err
}
