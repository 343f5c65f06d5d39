package dev.tocsin.client;

import static dev.tocsin.client.Eventually.eventually;
import static dev.tocsin.client.FakeServer.next;
import static dev.tocsin.client.SubscriptionTest.changed;
import static dev.tocsin.client.SubscriptionTest.heartbeat;
import static dev.tocsin.client.SubscriptionTest.subscribed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tocsin.client.model.FeedEvent;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.v1.SubscribeRequest;
import dev.tocsin.v1.SubscribeResponse;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Flow;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

class FeedPublisherTest {
  private static final Recipient USER = Recipient.user("0190a5d0-0000-7000-8000-000000000001");

  private final FakeServer server = new FakeServer();
  private final TocsinClient tocsin =
      TocsinClient.builder(server.address())
          .reconnect(new Backoff(Duration.ZERO, 1, Duration.ZERO))
          .build();
  private final Recorder recorder = new Recorder();

  @AfterEach
  void close() {
    tocsin.close();
    server.close();
  }

  /** Keeps what it is told. */
  private static final class Recorder implements Flow.Subscriber<FeedEvent> {
    final List<String> cursors = new CopyOnWriteArrayList<>();
    final CompletableFuture<Void> end = new CompletableFuture<>();
    volatile Flow.Subscription subscription;

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      this.subscription = subscription;
    }

    @Override
    public void onNext(FeedEvent event) {
      cursors.add(event.cursor());
    }

    @Override
    public void onError(Throwable error) {
      end.completeExceptionally(error);
    }

    @Override
    public void onComplete() {
      end.complete(null);
    }
  }

  @Test
  void eventsComeAsTheyAreDemandedOverSeveralStreams() {
    tocsin.async().subscribe(USER).subscribe(recorder);
    FakeServer.Arrived<SubscribeRequest, SubscribeResponse> stream = next(server.streams);
    List.of(subscribed("a", true), heartbeat("a"), changed("b", "1"), changed("c", "2"))
        .forEach(stream.answer()::onNext);
    recorder.subscription.request(2);
    eventually("two are there", () -> recorder.cursors.size() == 2);
    assertEquals(List.of("a", "b"), recorder.cursors);
    recorder.subscription.request(Long.MAX_VALUE);
    eventually("the third is there", () -> recorder.cursors.size() == 3);
    stream.fail(Status.UNAVAILABLE.asRuntimeException());
    FakeServer.Arrived<SubscribeRequest, SubscribeResponse> second = next(server.streams);
    assertEquals("c", second.request().getCursor());
    second.answer().onNext(changed("d", "3"));
    eventually("the fourth is there", () -> recorder.cursors.size() == 4);
    recorder.subscription.cancel();
    eventually("the server learns of it", () -> second.answer().isCancelled());
  }

  @Test
  void everySubscriberHasAStreamOfItsOwn() {
    Flow.Publisher<FeedEvent> publisher = tocsin.async().subscribe(USER);
    publisher.subscribe(recorder);
    publisher.subscribe(new Recorder());
    next(server.streams);
    next(server.streams);
  }

  @Test
  void aDemandOfNothingIsRefused() {
    tocsin.async().subscribe(USER).subscribe(recorder);
    recorder.subscription.request(0);
    CompletionException failed =
        Assertions.assertThrows(CompletionException.class, recorder.end::join);
    assertInstanceOf(IllegalArgumentException.class, failed.getCause());
  }

  @Test
  void closingTheClientCompletesIt() {
    tocsin.async().subscribe(USER).subscribe(recorder);
    next(server.streams);
    tocsin.close();
    recorder.end.join();
    assertTrue(recorder.cursors.isEmpty());
  }
}
