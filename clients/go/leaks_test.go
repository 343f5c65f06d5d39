package tocsin_test

import (
	"context"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTenThousandSubscriptionsLeaveNothingBehind(t *testing.T) {
	server := (&fake{subscribe: func(_ *v1.SubscribeRequest, stream subscribeStream) error {
		if err := stream.Send(subscribed(3, true)); err != nil {
			return err
		}
		<-stream.Context().Done()
		return nil
	}}).start(t)
	client := dial(t, server.address)
	churn := func(times int) {
		for i := range times {
			ctx, cancel := context.WithCancel(t.Context())
			sub := client.Subscribe(ctx, ann)
			switch i % 3 { // each of the ways to end one; cancelling must do without another call
			case 0:
				nextEvent(t, sub)
				_ = sub.Close()
			case 1:
				nextEvent(t, sub)
			case 2:
				for range sub.Events() {
					break
				}
			}
			cancel()
		}
	}
	churn(500)
	goroutines, memory := settled()
	churn(10_000)
	nowGoroutines, nowMemory := settled()
	t.Logf("goroutines %d, then %d; bytes %d, then %d", goroutines, nowGoroutines, memory, nowMemory)
	if nowGoroutines > goroutines {
		t.Errorf("%d goroutines have become %d", goroutines, nowGoroutines)
	}
	if nowMemory > memory+256<<10 {
		t.Errorf("%d bytes have become %d", memory, nowMemory)
	}
}

// settled returns how many goroutines there are, and how much memory is in use, when what is ending has ended.
func settled() (int, uint64) {
	least := runtime.NumGoroutine()
	for range 100 {
		runtime.GC() // which also lets others run
		least = min(least, runtime.NumGoroutine())
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return least, stats.HeapAlloc
}
