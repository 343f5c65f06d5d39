package dev.tocsin.client;

import static dev.tocsin.client.Eventually.eventually;
import static dev.tocsin.client.FakeServer.next;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tocsin.client.error.CancelledException;
import dev.tocsin.client.error.MalformedCursorException;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.error.TokenExpiredException;
import dev.tocsin.client.model.FeedEvent;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.v1.Heartbeat;
import dev.tocsin.v1.Notification;
import dev.tocsin.v1.ReadChanged;
import dev.tocsin.v1.SubscribeRequest;
import dev.tocsin.v1.SubscribeResponse;
import dev.tocsin.v1.Subscribed;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SubscriptionTest {
  private static final Recipient USER = Recipient.user("0190a5d0-0000-7000-8000-000000000001");
  private static final Backoff NO_WAIT = new Backoff(Duration.ZERO, 1, Duration.ZERO);
  private static final Duration LONG = Duration.ofSeconds(30);

  private final FakeServer server = new FakeServer();
  private final TocsinClient tocsin =
      TocsinClient.builder(server.address()).reconnect(NO_WAIT).build();

  @AfterEach
  void close() {
    tocsin.close();
    server.close();
  }

  static SubscribeResponse subscribed(String cursor, boolean recovered) {
    return SubscribeResponse.newBuilder()
        .setCursor(cursor)
        .setSubscribed(Subscribed.newBuilder().setRecovered(recovered))
        .build();
  }

  static SubscribeResponse changed(String cursor, String id) {
    return SubscribeResponse.newBuilder()
        .setCursor(cursor)
        .setNotification(
            Notification.newBuilder()
                .setId(id)
                .setRecipient(dev.tocsin.v1.Recipient.newBuilder().setTypeValue(1)))
        .build();
  }

  static SubscribeResponse read(String cursor, String id) {
    return SubscribeResponse.newBuilder()
        .setCursor(cursor)
        .setReadChanged(ReadChanged.newBuilder().addIds(id))
        .build();
  }

  static SubscribeResponse heartbeat(String cursor) {
    return SubscribeResponse.newBuilder()
        .setCursor(cursor)
        .setHeartbeat(Heartbeat.getDefaultInstance())
        .build();
  }

  private FakeServer.Arrived<SubscribeRequest, SubscribeResponse> stream(
      SubscribeResponse... events) {
    FakeServer.Arrived<SubscribeRequest, SubscribeResponse> stream = next(server.streams);
    List.of(events).forEach(stream.answer()::onNext);
    return stream;
  }

  @Test
  void aCutStreamIsResumedFromTheLastCursorAndRepeatsAreLeftOut() {
    try (Subscription feed = tocsin.subscribe(USER, "start")) {
      Iterator<FeedEvent> events = feed.iterator();
      FakeServer.Arrived<SubscribeRequest, SubscribeResponse> first =
          stream(subscribed("start", true), changed("a", "1"), read("b", "1"), heartbeat("c"));
      assertEquals("start", first.request().getCursor());
      assertInstanceOf(FeedEvent.Subscribed.class, events.next());
      assertEquals("1", ((FeedEvent.Changed) events.next()).notification().id());
      assertEquals(List.of("1"), ((FeedEvent.MarkedAsRead) events.next()).ids());
      assertEquals(Optional.empty(), feed.poll(Duration.ofMillis(1)));
      eventually("the heartbeat moves the cursor", () -> feed.cursor().equals("c"));
      first.fail(Status.UNAVAILABLE.asRuntimeException());
      FakeServer.Arrived<SubscribeRequest, SubscribeResponse> second =
          stream(subscribed("c", true), changed("a", "1"), read("b", "1"), changed("d", "2"));
      assertEquals("c", second.request().getCursor());
      assertTrue(((FeedEvent.Subscribed) events.next()).recovered());
      assertEquals("2", ((FeedEvent.Changed) events.next()).notification().id());
      assertEquals("d", feed.cursor());
    }
  }

  @Test
  void afterALossTheSameCursorsMeanOtherEvents() {
    try (Subscription feed = tocsin.subscribe(USER)) {
      Iterator<FeedEvent> events = feed.iterator();
      stream(subscribed("a", true), changed("b", "1")).fail(Status.INTERNAL.asRuntimeException());
      events.next();
      events.next();
      stream(subscribed("a", false), changed("b", "1"));
      assertFalse(((FeedEvent.Subscribed) events.next()).recovered());
      assertEquals("b", events.next().cursor());
    }
  }

  @Test
  void aTimedOutPollLosesNoEvent() {
    try (Subscription feed = tocsin.subscribe(USER)) {
      assertEquals(Optional.empty(), feed.poll(Duration.ofMillis(1)));
      stream(subscribed("a", true));
      assertEquals("a", feed.poll(LONG).orElseThrow().cursor());
    }
  }

  @Test
  void whatNoFurtherStreamCanCureIsThrownOnce() {
    try (Subscription feed = tocsin.subscribe(USER, "nonsense")) {
      Iterator<FeedEvent> events = feed.iterator();
      stream().fail(FakeServer.error(Status.Code.INVALID_ARGUMENT, "MALFORMED_CURSOR"));
      assertThrows(MalformedCursorException.class, events::hasNext);
      assertFalse(events.hasNext());
      assertThrows(NoSuchElementException.class, events::next);
      assertTrue(feed.isClosed());
    }
  }

  @Test
  void aSilentStreamIsReplacedWhileSomebodyWaits() {
    try (TocsinClient strict =
            TocsinClient.builder(server.address())
                .reconnect(NO_WAIT)
                .silence(Duration.ofMillis(300))
                .build();
        Subscription feed = strict.subscribe(USER)) {
      FakeServer.Arrived<SubscribeRequest, SubscribeResponse> first = stream(subscribed("a", true));
      assertEquals("a", feed.poll(LONG).orElseThrow().cursor());
      CompletableFuture<FeedEvent> second =
          CompletableFuture.supplyAsync(() -> feed.iterator().next());
      assertEquals("a", stream(subscribed("b", true)).request().getCursor());
      assertEquals("b", second.join().cursor());
      assertTrue(first.answer().isCancelled());
    }
  }

  @Test
  void interruptionsAreToldToWhoAsksForThem() {
    List<String> told = Collections.synchronizedList(new ArrayList<>());
    FeedOptions options =
        FeedOptions.live().onInterruption((error, wait) -> told.add(error.reason()));
    try (Subscription feed = tocsin.subscribe(USER, options)) {
      stream().fail(FakeServer.error(Status.Code.UNAVAILABLE, "SHUTTING_DOWN"));
      stream().answer().onCompleted();
      stream(subscribed("a", true));
      assertEquals("a", feed.poll(LONG).orElseThrow().cursor());
      assertEquals(List.of("SHUTTING_DOWN", ""), told);
    }
  }

  @Test
  void whatTheHookThrowsEndsTheSubscription() {
    IllegalStateException enough = new IllegalStateException("enough");
    FeedOptions options =
        FeedOptions.live()
            .onInterruption(
                (error, wait) -> {
                  throw enough;
                });
    try (Subscription feed = tocsin.subscribe(USER, options)) {
      stream().fail(Status.UNAVAILABLE.asRuntimeException());
      assertSame(enough, assertThrows(IllegalStateException.class, () -> feed.poll(LONG)));
    }
  }

  @Test
  void anOutageIsOneLineInTheLogAndAnotherWhenItIsOver() {
    List<LogRecord> records = Collections.synchronizedList(new ArrayList<>());
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord line) {
            records.add(line);
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger log = Logger.getLogger("dev.tocsin.client");
    log.addHandler(handler);
    log.setUseParentHandlers(false);
    try (Subscription feed = tocsin.subscribe(USER)) {
      stream().fail(Status.UNAVAILABLE.withDescription("not yet").asRuntimeException());
      stream().fail(Status.UNAVAILABLE.asRuntimeException());
      stream(subscribed("a", true)).fail(Status.UNAVAILABLE.asRuntimeException());
      assertEquals("a", feed.poll(LONG).orElseThrow().cursor());
      stream(subscribed("a", true), changed("b", "1"));
      eventually("the event comes", () -> feed.poll(LONG).orElseThrow().cursor().equals("b"));
      assertEquals(
          List.of(Level.WARNING, Level.INFO), records.stream().map(LogRecord::getLevel).toList());
      assertTrue(records.get(0).getMessage().contains("interrupted"));
    } finally {
      log.removeHandler(handler);
      log.setUseParentHandlers(true);
    }
  }

  @Test
  void anExpiredTokenIsReplacedIfThereCanBeAnother() {
    TocsinException expired;
    try (Subscription feed = tocsin.withToken("one").subscribe(USER)) {
      stream().fail(FakeServer.error(Status.Code.UNAUTHENTICATED, "TOKEN_EXPIRED"));
      expired = assertThrows(TokenExpiredException.class, () -> feed.poll(LONG));
    }
    assertEquals("TOKEN_EXPIRED", expired.reason());
    try (Subscription feed = tocsin.withToken(() -> "two").subscribe(USER)) {
      stream().fail(FakeServer.error(Status.Code.UNAUTHENTICATED, "TOKEN_EXPIRED"));
      stream(subscribed("a", true))
          .fail(FakeServer.error(Status.Code.UNAUTHENTICATED, "TOKEN_EXPIRED"));
      assertEquals("a", feed.poll(LONG).orElseThrow().cursor());
      stream().fail(FakeServer.error(Status.Code.UNAUTHENTICATED, "TOKEN_EXPIRED"));
      assertThrows(TokenExpiredException.class, () -> feed.poll(LONG));
    }
  }

  @Test
  void closingEndsTheIterationOfAnotherThreadAndTheStream() {
    Subscription feed = tocsin.subscribe(USER);
    FakeServer.Arrived<SubscribeRequest, SubscribeResponse> stream = stream();
    CompletableFuture<Boolean> waiting =
        CompletableFuture.supplyAsync(() -> feed.iterator().hasNext());
    feed.close();
    feed.close();
    assertFalse(waiting.join());
    eventually("the server learns of it", () -> stream.answer().isCancelled());
  }

  @Test
  void closingTheClientEndsTheIteration() {
    Subscription feed = tocsin.subscribe(USER);
    CompletableFuture<Boolean> waiting =
        CompletableFuture.supplyAsync(() -> feed.iterator().hasNext());
    stream();
    tocsin.close();
    assertFalse(waiting.join());
  }

  @Test
  void anInterruptedThreadStopsWaiting() {
    try (Subscription feed = tocsin.subscribe(USER)) {
      Thread.currentThread().interrupt();
      assertThrows(CancelledException.class, () -> feed.iterator().hasNext());
      assertTrue(Thread.interrupted());
      stream(subscribed("a", true));
      assertEquals("a", feed.poll(LONG).orElseThrow().cursor());
    }
  }
}
