package dev.tocsin.client;

import java.time.Duration;
import java.util.Optional;
import java.util.function.DoubleSupplier;

/**
 * How long to wait before the next attempt: a random time up to a bound that grows with every
 * failure in a row. The jitter is full (anything from nothing to the bound), so that the many
 * clients of a server that restarts do not come back at the same moment.
 *
 * <p>Not gRPC's own retry policy: that never reads the delay that the server asks for, gives up
 * after five attempts (a second or two in the life of a restarting server) where a caller has given
 * us a deadline, and cannot serve subscriptions, which change their request before they repeat it.
 * What gRPC does below that stays on: a call that has provably never left the client is repeated by
 * gRPC itself.
 *
 * @param initial bound after the first failure
 * @param factor what the bound is multiplied by after every further one
 * @param cap largest bound
 */
public record Backoff(Duration initial, double factor, Duration cap) {
  /** Between the attempts of a call. */
  public static final Backoff CALLS = new Backoff(Duration.ofMillis(100), 2, Duration.ofSeconds(2));

  /** Between the streams of a subscription. */
  public static final Backoff STREAMS =
      new Backoff(Duration.ofMillis(500), 2, Duration.ofSeconds(30));

  /** The longest wait that a server can ask for. */
  private static final Duration LONGEST = Duration.ofHours(1);

  /** Refuses what would not be a wait. */
  public Backoff {
    if (initial.isNegative() || cap.isNegative() || !(factor >= 1)) {
      throw new IllegalArgumentException(
          "a backoff needs initial and cap of 0 or more, and a factor of 1 or more");
    }
  }

  /**
   * The wait after so many failures in a row, 1 or more.
   *
   * @param retryAfter the least that the server asks for; the jitter comes on top of it
   * @param random gives numbers from 0 to 1
   */
  Duration delay(int failures, Optional<Duration> retryAfter, DoubleSupplier random) {
    double bound =
        Math.min(cap.toNanos(), initial.toNanos() * Math.pow(factor, Math.min(failures - 1, 64)));
    Duration least = retryAfter.orElse(Duration.ZERO);
    if (least.compareTo(LONGEST) > 0) {
      least = LONGEST;
    }
    return least.plusNanos((long) (bound * random.getAsDouble()));
  }
}
