package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
)

// bulkArguments are those of the operations in bulk.
type bulkArguments struct {
	Sender          string   `json:"sender"`
	Linger          *float64 `json:"linger"`
	MaxRequests     int      `json:"max_requests"`
	MaxBytes        int      `json:"max_bytes"`
	MaxPending      int      `json:"max_pending"`
	InFlight        int      `json:"in_flight"`
	DeliveryTimeout float64  `json:"delivery_timeout"`
	AttemptTimeout  float64  `json:"attempt_timeout"`
	Count           int      `json:"count"`
	KeyPrefix       string   `json:"key_prefix"`
	Rate            float64  `json:"rate"`
	Bulk            bool     `json:"bulk"`
}

func (b *bulkArguments) options() []tocsin.SenderOption {
	var options []tocsin.SenderOption
	if b.Linger != nil {
		options = append(options, tocsin.WithLinger(seconds(*b.Linger)))
	}
	if b.MaxRequests != 0 || b.MaxBytes != 0 {
		options = append(options, tocsin.WithBatch(orElse(b.MaxRequests, 500), orElse(b.MaxBytes, 1<<20)))
	}
	if b.MaxPending != 0 {
		options = append(options, tocsin.WithPending(b.MaxPending, 32<<20))
	}
	if b.InFlight != 0 {
		options = append(options, tocsin.WithInFlight(b.InFlight))
	}
	if b.DeliveryTimeout != 0 {
		options = append(options, tocsin.WithDeliveryTimeout(seconds(b.DeliveryTimeout)))
	}
	if b.AttemptTimeout != 0 {
		options = append(options, tocsin.WithAttemptTimeout(seconds(b.AttemptTimeout)))
	}
	return options
}

func orElse(number, other int) int {
	if number == 0 {
		return other
	}
	return number
}

// bulk is a sender, with the receipts that nobody has asked about.
type bulk struct {
	sender   *tocsin.Sender
	receipts []*tocsin.Receipt
}

// BulkOpen opens a sender.
func (o operations) BulkOpen(_ context.Context, given *arguments) (answer, error) {
	if before := o.senders[given.Sender]; before != nil {
		_ = before.sender.Close()
	}
	o.senders[given.Sender] = &bulk{sender: o.client(given).NewSender(given.bulkArguments.options()...)}
	return nil, nil
}

// BulkSend hands over.
func (o operations) BulkSend(ctx context.Context, given *arguments) (answer, error) {
	bulk := o.senders[given.Sender]
	for _, draft := range drafts(given.Requests) {
		receipt, err := bulk.sender.Send(ctx, draft)
		if err != nil {
			return nil, err
		}
		bulk.receipts = append(bulk.receipts, receipt)
	}
	return nil, nil
}

// BulkResults waits for all that was handed over.
func (o operations) BulkResults(_ context.Context, given *arguments) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seconds(max(given.Timeout, 10)))
	defer cancel()
	bulk := o.senders[given.Sender]
	var results []tocsin.Result
	for _, receipt := range bulk.receipts {
		accepted, err := receipt.Wait(ctx)
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil, fmt.Errorf("no result in time: %w", err)
		}
		results = append(results, tocsin.Result{Accepted: accepted, Err: err})
	}
	bulk.receipts = nil
	return answer{"results": resultsJSON(results)}, nil
}

// BulkFlush flushes.
func (o operations) BulkFlush(ctx context.Context, given *arguments) (answer, error) {
	return nil, o.senders[given.Sender].sender.Flush(ctx)
}

// BulkClose closes a sender. What it does not send in time is in the results.
func (o operations) BulkClose(ctx context.Context, given *arguments) (answer, error) {
	if given.Timeout == 0 {
		return nil, o.senders[given.Sender].sender.Close()
	}
	bounded, cancel := context.WithTimeout(ctx, seconds(given.Timeout))
	defer cancel()
	if err := o.senders[given.Sender].sender.Shutdown(bounded); !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return nil, nil
}

// numbered returns the draft with a number's key.
func (a *arguments) numbered(number int) tocsin.Draft {
	draft := a.draft()
	draft.IdempotencyKey = fmt.Sprint(a.KeyPrefix, number)
	return draft
}

// A tally counts results. Duplicates are accepted, too.
type tally struct {
	mu         sync.Mutex
	accepted   int
	duplicates int
	errors     map[string]int
}

func (t *tally) add(accepted *tocsin.Accepted, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.errors[label(err)]++
		return
	}
	t.accepted++
	if accepted.Duplicate {
		t.duplicates++
	}
}

func (t *tally) answer(took time.Duration) answer {
	return answer{"accepted": t.accepted, "duplicates": t.duplicates, "errors": t.errors, "seconds": took.Seconds()}
}

// BulkLoad sends many in bulk.
func (o operations) BulkLoad(ctx context.Context, given *arguments) (answer, error) {
	sender := o.client(given).NewSender(given.bulkArguments.options()...)
	defer sender.Close() //nolint:errcheck // everything has its result
	counts := &tally{errors: map[string]int{}}
	receipts := make([]*tocsin.Receipt, given.Count)
	start := time.Now()
	for i := range receipts {
		receipt, err := sender.Send(ctx, given.numbered(i))
		if err != nil {
			return nil, err
		}
		receipts[i] = receipt
	}
	for _, receipt := range receipts {
		counts.add(receipt.Wait(ctx))
	}
	return counts.answer(time.Since(start)), nil
}

// UnaryLoad sends many, one by one.
func (o operations) UnaryLoad(ctx context.Context, given *arguments) (answer, error) {
	counts := &tally{errors: map[string]int{}}
	numbers := make(chan int)
	var all sync.WaitGroup
	start := time.Now()
	for range orElse(given.InFlight, 1) {
		all.Go(func() {
			for number := range numbers {
				counts.add(o.client(given).Send(ctx, given.numbered(number)))
			}
		})
	}
	for number := range given.Count {
		numbers <- number
	}
	close(numbers)
	all.Wait()
	return counts.answer(time.Since(start)), nil
}

// PacedLoad sends at a rate, and measures each from its due time to its result.
func (o operations) PacedLoad(ctx context.Context, given *arguments) (answer, error) {
	client := o.client(given)
	sender := client.NewSender(given.bulkArguments.options()...)
	defer sender.Close() //nolint:errcheck // everything has its result
	took, errs := make([]float64, given.Count), make([]error, given.Count)
	var all sync.WaitGroup
	start := time.Now()
	for i := range given.Count {
		due := start.Add(seconds(float64(i) / given.Rate))
		time.Sleep(time.Until(due))
		send := func() error {
			_, err := client.Send(ctx, given.numbered(i))
			return err
		}
		if given.Bulk {
			receipt, err := sender.Send(ctx, given.numbered(i))
			if err != nil {
				return nil, err
			}
			send = func() error {
				_, err := receipt.Wait(ctx)
				return err
			}
		}
		all.Go(func() {
			errs[i] = send()
			took[i] = float64(time.Since(due).Microseconds()) / 1000
		})
	}
	all.Wait()
	return answer{"milliseconds": took}, errors.Join(errs...)
}
