package dev.tocsin.client;

import java.time.Duration;

/**
 * How a {@link BulkSender} gathers and sends.
 *
 * @param linger how long a batch waits for more after its first draft
 * @param maxRequests most drafts of a batch, up to 1,000
 * @param maxBytes most bytes of a batch, up to 2 MiB; a draft that is larger goes alone
 * @param maxPending most drafts that are not answered yet; then sending waits
 * @param maxPendingBytes most bytes of them
 * @param inFlight most batches that are on their way at once; with 1 drafts are stored in their
 *     order
 * @param deliveryTimeout how long a draft is tried for, from when it was handed over
 * @param attemptTimeout how long one attempt of a batch may take
 */
public record BulkOptions(
    Duration linger,
    int maxRequests,
    int maxBytes,
    int maxPending,
    long maxPendingBytes,
    int inFlight,
    Duration deliveryTimeout,
    Duration attemptTimeout) {
  private static final BulkOptions DEFAULTS =
      new BulkOptions(
          Duration.ofMillis(5),
          500,
          1 << 20,
          10_000,
          32 << 20,
          2,
          Duration.ofSeconds(120),
          Duration.ofSeconds(10));

  /** Refuses what no sender could work with. */
  public BulkOptions {
    if (maxRequests < 1 || maxRequests > 1000) {
      throw new IllegalArgumentException("maxRequests is " + maxRequests + ": give 1 to 1,000");
    }
    if (maxBytes < 1 || maxBytes > 2 << 20) {
      throw new IllegalArgumentException("maxBytes is " + maxBytes + ": give 1 to 2 MiB");
    }
    if (maxPending < 1 || maxPendingBytes < 1 || inFlight < 1) {
      throw new IllegalArgumentException(
          "maxPending, maxPendingBytes and inFlight must be 1 or more");
    }
    checkTime("linger", linger, Duration.ZERO);
    checkTime("deliveryTimeout", deliveryTimeout, Duration.ofMillis(1));
    checkTime("attemptTimeout", attemptTimeout, Duration.ofMillis(1));
  }

  private static void checkTime(String name, Duration time, Duration least) {
    if (time.compareTo(least) < 0 || time.compareTo(Duration.ofDays(1)) > 0) {
      throw new IllegalArgumentException(name + " is " + time + ": give " + least + " to a day");
    }
  }

  /**
   * 5 ms, 500 drafts, 1 MiB; 10,000 drafts and 32 MiB pending; 2 in flight; 120 s, 10 s an attempt.
   */
  public static BulkOptions defaults() {
    return DEFAULTS;
  }

  /** The same with another time to wait for more. */
  public BulkOptions withLinger(Duration linger) {
    return new BulkOptions(
        linger,
        maxRequests,
        maxBytes,
        maxPending,
        maxPendingBytes,
        inFlight,
        deliveryTimeout,
        attemptTimeout);
  }

  /** The same with another size of batches. */
  public BulkOptions withBatches(int maxRequests, int maxBytes) {
    return new BulkOptions(
        linger,
        maxRequests,
        maxBytes,
        maxPending,
        maxPendingBytes,
        inFlight,
        deliveryTimeout,
        attemptTimeout);
  }

  /** The same with other bounds of what is pending. */
  public BulkOptions withPending(int maxPending, long maxPendingBytes) {
    return new BulkOptions(
        linger,
        maxRequests,
        maxBytes,
        maxPending,
        maxPendingBytes,
        inFlight,
        deliveryTimeout,
        attemptTimeout);
  }

  /** The same with another number of batches on their way. */
  public BulkOptions withInFlight(int inFlight) {
    return new BulkOptions(
        linger,
        maxRequests,
        maxBytes,
        maxPending,
        maxPendingBytes,
        inFlight,
        deliveryTimeout,
        attemptTimeout);
  }

  /** The same with other timeouts. */
  public BulkOptions withTimeouts(Duration deliveryTimeout, Duration attemptTimeout) {
    return new BulkOptions(
        linger,
        maxRequests,
        maxBytes,
        maxPending,
        maxPendingBytes,
        inFlight,
        deliveryTimeout,
        attemptTimeout);
  }
}
