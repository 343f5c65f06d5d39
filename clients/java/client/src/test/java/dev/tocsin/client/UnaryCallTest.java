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
import dev.tocsin.client.error.DatabaseUnavailableException;
import dev.tocsin.client.error.DeadlineExceededException;
import dev.tocsin.client.error.QueueFullException;
import dev.tocsin.client.error.UnavailableException;
import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.v1.Notification;
import dev.tocsin.v1.SendRequest;
import dev.tocsin.v1.SendResponse;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class UnaryCallTest {
  private static final Backoff NO_WAIT = new Backoff(Duration.ZERO, 1, Duration.ZERO);
  private static final Draft DRAFT =
      Draft.to(Recipient.parse("guest")).title("title").message("message").build();

  private final FakeServer server = new FakeServer();
  private final TocsinClient tocsin = TocsinClient.builder(server.address()).retry(NO_WAIT).build();

  @AfterEach
  void close() {
    tocsin.close();
    server.close();
  }

  private static SendResponse stored() {
    return SendResponse.newBuilder()
        .setNotification(Notification.newBuilder().setId("1").setRecipient(recipient()))
        .build();
  }

  private static dev.tocsin.v1.Recipient recipient() {
    return dev.tocsin.v1.Recipient.newBuilder().setTypeValue(2).build();
  }

  @Test
  void whatAStoppingServerCutsOffIsRepeatedWithTheSameKey() {
    CompletableFuture<Accepted> future = tocsin.async().send(DRAFT);
    FakeServer.Arrived<SendRequest, SendResponse> first = next(server.sends);
    first.fail(FakeServer.error(Status.Code.UNAVAILABLE, "SHUTTING_DOWN"));
    FakeServer.Arrived<SendRequest, SendResponse> second = next(server.sends);
    second.fail(Status.CANCELLED.asRuntimeException());
    FakeServer.Arrived<SendRequest, SendResponse> third = next(server.sends);
    third.succeed(stored());
    assertEquals("1", future.join().notification().id());
    assertFalse(first.request().getIdempotencyKey().isEmpty());
    assertEquals(first.request(), second.request());
    assertEquals(first.request(), third.request());
  }

  @Test
  void aCallerLearnsOfAFullQueueInsteadOfRepeating() {
    CompletableFuture<Accepted> future = tocsin.async().send(DRAFT);
    next(server.sends).fail(FakeServer.error(Status.Code.RESOURCE_EXHAUSTED, "QUEUE_FULL"));
    CompletionException failed = assertThrows(CompletionException.class, future::join);
    assertInstanceOf(QueueFullException.class, failed.getCause());
    assertTrue(server.sends.isEmpty());
  }

  @Test
  void aWaitBeyondTheDeadlineIsNotWaitedFor() {
    CompletableFuture<Accepted> future = tocsin.async().send(DRAFT);
    next(server.sends)
        .fail(
            StatusProto.toStatusRuntimeException(
                FakeServer.status(
                    Status.Code.UNAVAILABLE, "DATABASE_UNAVAILABLE", Duration.ofHours(9))));
    CompletionException failed = assertThrows(CompletionException.class, future::join);
    DatabaseUnavailableException error =
        assertInstanceOf(DatabaseUnavailableException.class, failed.getCause());
    assertEquals(Duration.ofHours(9), error.retryAfter().orElseThrow());
  }

  @Test
  void aHangingServerMeetsTheDeadline() {
    TocsinClient hasty = tocsin.withDeadline(Duration.ofMillis(200));
    assertThrows(DeadlineExceededException.class, () -> hasty.send(DRAFT));
  }

  @Test
  void aServerThatIsNotThereIsToldAsUnavailableWithItsAddress() {
    String address = server.address();
    server.close();
    try (TocsinClient hasty =
        TocsinClient.builder(address)
            .retry(new Backoff(Duration.ofDays(1), 1, Duration.ofDays(1)))
            .build()) {
      UnavailableException failed =
          assertThrows(UnavailableException.class, () -> hasty.send(DRAFT));
      assertTrue(failed.getMessage().contains("Connection refused: /" + address), failed::toString);
    }
  }

  @Test
  void cancellingAFutureCancelsItsCall() {
    CompletableFuture<Accepted> future = tocsin.async().send(DRAFT);
    FakeServer.Arrived<SendRequest, SendResponse> call = next(server.sends);
    future.cancel(true);
    eventually("the server learns of it", () -> call.answer().isCancelled());
    assertTrue(server.sends.isEmpty());
  }

  @Test
  void aCancelledContextOfGrpcEndsTheCall() {
    Context.CancellableContext context = Context.current().withCancellation();
    CompletableFuture<Accepted> future = new CompletableFuture<>();
    context.run(
        () ->
            tocsin
                .async()
                .send(DRAFT)
                .whenComplete((accepted, error) -> future.completeExceptionally(error)));
    next(server.sends);
    context.cancel(null);
    CompletionException failed = assertThrows(CompletionException.class, future::join);
    assertInstanceOf(CancelledException.class, failed.getCause());
    assertTrue(server.sends.isEmpty());
  }

  @Test
  void closingTheClientEndsItsCalls() {
    CompletableFuture<Accepted> waiting = tocsin.async().send(DRAFT);
    next(server.sends);
    tocsin.close();
    CompletionException failed = assertThrows(CompletionException.class, waiting::join);
    assertInstanceOf(CancelledException.class, failed.getCause());
  }

  @Test
  void aTokenIsAskedForAtEachAttempt() {
    Queue<String> tokens = new ArrayDeque<>(List.of("one", "two"));
    TocsinClient other = tocsin.withToken(tokens::remove);
    CompletableFuture<Accepted> future = other.async().send(DRAFT);
    next(server.sends).fail(Status.UNAVAILABLE.asRuntimeException());
    next(server.sends).succeed(stored());
    future.join();
    assertEquals(List.of("Bearer one", "Bearer two"), List.copyOf(server.tokens));
  }

  @Test
  void aTokenThatCannotBeGotFailsTheCall() {
    IllegalStateException cause = new IllegalStateException("no secret");
    TocsinClient other =
        tocsin.withToken(
            () -> {
              throw cause;
            });
    assertSame(cause, assertThrows(IllegalStateException.class, () -> other.send(DRAFT)));
  }
}
