package dev.tocsin.client;

import dev.tocsin.client.error.Failure;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.model.FeedEvent;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.v1.SubscribeRequest;
import dev.tocsin.v1.SubscribeResponse;
import io.grpc.Status;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.DoubleSupplier;

/**
 * How a subscription survives the end of its streams: decisions, without I/O and without a clock.
 *
 * <ul>
 *   <li>The position moves as soon as an event arrived, heartbeats included: the next stream starts
 *       after it. An event that comes again all the same, which at-least-once allows, is left out.
 *   <li>Failures in a row make the wait grow. A Subscribed does not end the row, any later event
 *       does: a server that accepts streams only to break them would otherwise be asked again and
 *       again without pause.
 *   <li>What ends a stream falls in four kinds. The server asks to come again: UNAVAILABLE,
 *       RESOURCE_EXHAUSTED. The line broke, or something in between gave up: a code such as
 *       CANCELLED without a reason of ours, or an end without an error, which the server never
 *       makes. The token has expired and the next may be another, or its time has not come because
 *       somebody's clock is wrong. Everything else would happen again.
 * </ul>
 */
final class Resumption {
  private static final Set<Status.Code> COME_AGAIN =
      EnumSet.of(Status.Code.UNAVAILABLE, Status.Code.RESOURCE_EXHAUSTED);

  /**
   * Codes that gRPC and proxies give for streams that were cut off; the server's own errors have a
   * reason.
   */
  private static final Set<Status.Code> BROKEN_LINE =
      EnumSet.of(
          Status.Code.CANCELLED,
          Status.Code.UNKNOWN,
          Status.Code.DEADLINE_EXCEEDED,
          Status.Code.ABORTED,
          Status.Code.INTERNAL);

  /**
   * Streams in a row that are tried with a token whose time has not come: with the usual waits, two
   * minutes or so. Of a clock that is farther off than that somebody has to learn.
   */
  private static final int EARLY_ATTEMPTS = 12;

  /**
   * How many events are remembered, to know them again: what repeats after a cut is what came just
   * before it.
   */
  private static final int MEMORY = 64;

  private final Recipient recipient;
  private final Backoff backoff;
  private final boolean renewable;
  private final DoubleSupplier random;
  private final Set<Object> seen =
      Collections.newSetFromMap(
          new LinkedHashMap<>() {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<Object, Boolean> eldest) {
              return size() > MEMORY;
            }
          });
  private volatile String cursor;
  private int failures;
  private int early;
  private boolean tokenExpired;

  /**
   * Starts after a position.
   *
   * @param renewable whether the next stream can have another token than the last one, so that an
   *     expired one is worth another stream; twice in a row it is not
   */
  Resumption(
      Recipient recipient,
      String cursor,
      Backoff backoff,
      boolean renewable,
      DoubleSupplier random) {
    this.recipient = recipient;
    this.cursor = cursor;
    this.backoff = backoff;
    this.renewable = renewable;
    this.random = random;
  }

  /** The position from which the next stream would resume. */
  String cursor() {
    return cursor;
  }

  SubscribeRequest request() {
    return Calls.subscribe(recipient, cursor);
  }

  /** Whether the last stream failed before any event but Subscribed came. */
  boolean isInterrupted() {
    return failures > 0;
  }

  /**
   * Takes note of a message of the stream; returns the event to hand out, if it is one that is new.
   */
  Optional<FeedEvent> received(SubscribeResponse message) {
    if (!message.getCursor().isEmpty()) {
      cursor = message.getCursor();
    }
    tokenExpired = false;
    early = 0;
    if (message.hasSubscribed()) {
      if (!message.getSubscribed().getRecovered()) {
        // Cursors of another epoch say nothing about this one.
        seen.clear();
      }
    } else {
      failures = 0;
    }
    return Answers.event(message).filter(this::isNew);
  }

  private boolean isNew(FeedEvent event) {
    if (event instanceof FeedEvent.Changed changed) {
      return seen.add(Map.entry(event.cursor(), changed.notification().id()));
    }
    return !(event instanceof FeedEvent.MarkedAsRead read)
        || seen.add(Map.entry(event.cursor(), read.ids()));
  }

  /** Returns how long to wait before the next stream; empty if none can help. */
  Optional<Duration> interrupted(TocsinException error) {
    if (!isWorthAnother(error)) {
      return Optional.empty();
    }
    failures++;
    return Optional.of(backoff.delay(failures, error.retryAfter(), random));
  }

  private boolean isWorthAnother(TocsinException error) {
    if (error.reason().equals("TOKEN_EXPIRED") && renewable && !tokenExpired) {
      tokenExpired = true;
      return true;
    }
    if (error.code() == Status.Code.UNAUTHENTICATED && error.metadata().containsKey("valid_from")) {
      early++;
      return early < EARLY_ATTEMPTS;
    }
    return COME_AGAIN.contains(error.code())
        || error.reason().isEmpty() && BROKEN_LINE.contains(error.code());
  }

  /** What stands for a stream that ended without an error. */
  static TocsinException ended() {
    return unavailable("the stream ended without an error");
  }

  /** What stands for a stream on which nothing came for so long. */
  static TocsinException fellSilent(Duration silence) {
    return unavailable(
        "no event, not even a heartbeat, came for " + silence.toMillis() / 1000.0 + " s");
  }

  private static TocsinException unavailable(String description) {
    return Failure.of(Status.Code.UNAVAILABLE, description).exception();
  }
}
