package tocsin

import "time"

// What tests in package tocsin_test see of the insides.

var (
	IsRepeatable = isRepeatable
	IsLocal      = isLocal
	IsAfter      = isAfter
)

func Delay(b Backoff, failures int, least time.Duration) time.Duration {
	return b.delay(failures, least)
}
