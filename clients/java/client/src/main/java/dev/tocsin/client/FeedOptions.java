package dev.tocsin.client;

import dev.tocsin.client.error.TocsinException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * How to follow a feed.
 *
 * @param cursor where to begin: after this place; empty means from now on
 * @param onInterruption is called when a stream ended and another will follow, with the error and
 *     the wait until then, on a thread of the client's; what it throws ends the subscription.
 *     Without it, the log {@code dev.tocsin.client} has a warning for each outage, and a line when
 *     it is over
 */
public record FeedOptions(
    String cursor, Optional<BiConsumer<TocsinException, Duration>> onInterruption) {
  /** From now on, plus what waits for a first subscriber. */
  public static FeedOptions live() {
    return after("");
  }

  /**
   * After this place: the cursor of the last event that was dealt with, or of the first page of a
   * list.
   */
  public static FeedOptions after(String cursor) {
    return new FeedOptions(cursor, Optional.empty());
  }

  /** The same with somebody who is told about interruptions. */
  public FeedOptions onInterruption(BiConsumer<TocsinException, Duration> hook) {
    return new FeedOptions(cursor, Optional.of(hook));
  }
}
