package dev.tocsin.client;

import static dev.tocsin.client.Eventually.eventually;
import static dev.tocsin.client.FakeServer.next;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tocsin.client.error.CancelledException;
import dev.tocsin.client.error.InvalidFieldException;
import dev.tocsin.client.error.PermissionDeniedException;
import dev.tocsin.client.error.UnavailableException;
import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.v1.Notification;
import dev.tocsin.v1.SendBatchRequest;
import dev.tocsin.v1.SendBatchResponse;
import dev.tocsin.v1.SendRequest;
import dev.tocsin.v1.SendResponse;
import dev.tocsin.v1.SendResult;
import io.grpc.Context;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BulkSenderTest {
  private static final Duration NEVER = Duration.ofDays(1);
  private static final BulkOptions PATIENT = BulkOptions.defaults().withLinger(NEVER);

  private final FakeServer server = new FakeServer();
  private final TocsinClient tocsin = TocsinClient.connect(server.address());

  @AfterEach
  void close() {
    tocsin.close();
    server.close();
  }

  private static Draft draft(String title) {
    return Draft.to(Recipient.parse("guest"))
        .title(title)
        .message("message")
        .idempotencyKey("key of " + title)
        .build();
  }

  private static List<CompletableFuture<Accepted>> send(BulkSender sender, int count) {
    return IntStream.range(0, count).mapToObj(i -> sender.send(draft("" + i))).toList();
  }

  /** A result for a request, which has its title as the id. */
  private static SendResult stored(SendRequest request) {
    return SendResult.newBuilder()
        .setResponse(
            SendResponse.newBuilder()
                .setNotification(
                    Notification.newBuilder()
                        .setId(request.getTitle())
                        .setRecipient(request.getRecipient())))
        .build();
  }

  private static SendResult refused(Status.Code code, String reason) {
    return SendResult.newBuilder().setError(FakeServer.status(code, reason, Duration.ZERO)).build();
  }

  private static void succeed(
      FakeServer.Arrived<SendBatchRequest, SendBatchResponse> batch, Map<Integer, SendResult> but) {
    SendBatchResponse.Builder answer = SendBatchResponse.newBuilder();
    for (SendRequest request : batch.request().getRequestsList()) {
      SendResult other = but.get(answer.getResultsCount());
      answer.addResults(other == null ? stored(request) : other);
    }
    batch.succeed(answer.build());
  }

  private static List<String> titles(SendBatchRequest batch) {
    return batch.getRequestsList().stream().map(SendRequest::getTitle).toList();
  }

  @Test
  void draftsGatherUntilThereAreEnough() {
    BulkOptions options = PATIENT.withBatches(3, 1 << 20);
    try (BulkSender sender = tocsin.bulkSender(options)) {
      List<CompletableFuture<Accepted>> futures = send(sender, 6);
      FakeServer.Arrived<SendBatchRequest, SendBatchResponse> first = next(server.batches);
      FakeServer.Arrived<SendBatchRequest, SendBatchResponse> second = next(server.batches);
      List<List<String>> both = new ArrayList<>();
      both.add(titles(first.request()));
      both.add(titles(second.request()));
      assertTrue(both.contains(List.of("0", "1", "2")), both.toString());
      assertTrue(both.contains(List.of("3", "4", "5")), both.toString());
      succeed(second, Map.of());
      succeed(first, Map.of());
      for (int i = 0; i < 6; i++) {
        assertEquals("" + i, futures.get(i).join().notification().id());
      }
    }
  }

  @Test
  void draftsGatherUntilTheyAreLarge() {
    int size = Requests.send(draft("0"), "key of 0").getSerializedSize() + 5;
    BulkOptions options = PATIENT.withBatches(1000, 2 * size).withInFlight(1);
    try (BulkSender sender = tocsin.bulkSender(options)) {
      List<CompletableFuture<Accepted>> futures = send(sender, 2);
      FakeServer.Arrived<SendBatchRequest, SendBatchResponse> batch = next(server.batches);
      assertEquals(List.of("0", "1"), titles(batch.request()));
      assertTrue(batch.request().getSerializedSize() <= 2 * size);
      succeed(batch, Map.of());
      futures.forEach(CompletableFuture::join);
    }
  }

  @Test
  void aFewDraftsLeaveSoonByThemselves() {
    try (BulkSender sender = tocsin.bulkSender()) {
      CompletableFuture<Accepted> future = sender.send(draft("alone"));
      succeed(next(server.batches), Map.of());
      assertEquals("alone", future.join().notification().id());
    }
  }

  @Test
  void eachDraftHasItsOwnResult() {
    try (BulkSender sender = tocsin.bulkSender(PATIENT.withBatches(3, 1 << 20))) {
      List<CompletableFuture<Accepted>> futures = send(sender, 3);
      succeed(
          next(server.batches), Map.of(1, refused(Status.Code.INVALID_ARGUMENT, "INVALID_FIELD")));
      assertEquals("0", futures.get(0).join().notification().id());
      CompletionException failed =
          assertThrows(CompletionException.class, () -> futures.get(1).join());
      assertInstanceOf(InvalidFieldException.class, failed.getCause());
      assertEquals("2", futures.get(2).join().notification().id());
    }
  }

  @Test
  void aBatchThatCouldNotBeTakenIsSentAgainAsItWas() {
    try (BulkSender sender = tocsin.bulkSender(PATIENT.withBatches(2, 1 << 20))) {
      List<CompletableFuture<Accepted>> futures = send(sender, 2);
      FakeServer.Arrived<SendBatchRequest, SendBatchResponse> first = next(server.batches);
      first.fail(FakeServer.error(Status.Code.UNAVAILABLE, "SHUTTING_DOWN"));
      FakeServer.Arrived<SendBatchRequest, SendBatchResponse> second = next(server.batches);
      second.fail(FakeServer.error(Status.Code.RESOURCE_EXHAUSTED, "QUEUE_FULL"));
      FakeServer.Arrived<SendBatchRequest, SendBatchResponse> third = next(server.batches);
      assertEquals(first.request(), second.request());
      assertEquals(first.request(), third.request());
      succeed(third, Map.of());
      futures.forEach(CompletableFuture::join);
    }
  }

  @Test
  void whatOfABatchCouldNotBeTakenIsSentAgainWithoutTheRest() {
    try (BulkSender sender = tocsin.bulkSender(PATIENT.withBatches(3, 1 << 20))) {
      List<CompletableFuture<Accepted>> futures = send(sender, 3);
      succeed(
          next(server.batches), Map.of(1, refused(Status.Code.RESOURCE_EXHAUSTED, "QUEUE_FULL")));
      assertEquals("0", futures.get(0).join().notification().id());
      FakeServer.Arrived<SendBatchRequest, SendBatchResponse> second = next(server.batches);
      assertEquals(List.of("1"), titles(second.request()));
      assertEquals("key of 1", second.request().getRequests(0).getIdempotencyKey());
      succeed(second, Map.of());
      futures.forEach(CompletableFuture::join);
    }
  }

  @Test
  void aBatchThatIsRefusedFailsAllOfIt() {
    try (BulkSender sender = tocsin.bulkSender(PATIENT.withBatches(2, 1 << 20))) {
      List<CompletableFuture<Accepted>> futures = send(sender, 2);
      next(server.batches)
          .fail(FakeServer.error(Status.Code.PERMISSION_DENIED, "PERMISSION_DENIED"));
      for (CompletableFuture<Accepted> future : futures) {
        CompletionException failed = assertThrows(CompletionException.class, future::join);
        assertInstanceOf(PermissionDeniedException.class, failed.getCause());
      }
    }
  }

  @Test
  void aDraftIsGivenUpWhenItsTimeIsOver() {
    BulkOptions options =
        PATIENT
            .withBatches(1, 1 << 20)
            .withTimeouts(Duration.ofMillis(500), Duration.ofSeconds(10));
    try (BulkSender sender = tocsin.bulkSender(options)) {
      server.close();
      CompletableFuture<Accepted> future = sender.send(draft("late"));
      CompletionException failed = assertThrows(CompletionException.class, future::join);
      assertInstanceOf(UnavailableException.class, failed.getCause());
    }
  }

  @Test
  void sendingWaitsForRoom() throws InterruptedException {
    BulkOptions options = PATIENT.withBatches(2, 1 << 20).withPending(2, 1 << 20);
    try (BulkSender sender = tocsin.bulkSender(options)) {
      send(sender, 2);
      Thread third = new Thread(() -> sender.send(draft("third")));
      third.start();
      eventually("it waits", () -> third.getState() == Thread.State.WAITING);
      succeed(next(server.batches), Map.of());
      third.join();
      CompletableFuture<Void> flushed = CompletableFuture.runAsync(sender::flush);
      FakeServer.Arrived<SendBatchRequest, SendBatchResponse> batch = next(server.batches);
      assertEquals(List.of("third"), titles(batch.request()));
      succeed(batch, Map.of());
      flushed.join();
    }
  }

  @Test
  void whoWaitsForRoomCanBeInterrupted() throws InterruptedException {
    try (BulkSender sender = tocsin.bulkSender(PATIENT.withPending(1, 1 << 20))) {
      CompletableFuture<Accepted> first = sender.send(draft("first"));
      CompletableFuture<Throwable> thrown = new CompletableFuture<>();
      Thread second =
          new Thread(
              () ->
                  thrown.complete(
                      assertThrows(CancelledException.class, () -> sender.send(draft("second")))));
      second.start();
      eventually("it waits", () -> second.getState() == Thread.State.WAITING);
      second.interrupt();
      thrown.join();
      second.join();
      first.cancel(true);
    }
    assertTrue(server.batches.isEmpty(), "neither was sent");
  }

  @Test
  void closingSendsWhatIsGatheredAndRefusesMore() {
    BulkSender sender = tocsin.bulkSender(PATIENT);
    CompletableFuture<Accepted> future = sender.send(draft("last"));
    CompletableFuture<Void> closed = CompletableFuture.runAsync(sender::close);
    succeed(next(server.batches), Map.of());
    closed.join();
    assertTrue(future.isDone());
    assertThrows(IllegalStateException.class, () -> sender.send(draft("more")));
    sender.close();
  }

  @Test
  void closingInATimeFailsWhatIsLate() {
    BulkSender sender =
        tocsin.bulkSender(PATIENT.withBatches(1, 1 << 20).withTimeouts(NEVER, NEVER));
    CompletableFuture<Accepted> future = sender.send(draft("late"));
    FakeServer.Arrived<SendBatchRequest, SendBatchResponse> batch = next(server.batches);
    sender.close(Duration.ofMillis(1));
    eventually("its call ends", () -> batch.answer().isCancelled());
    CompletionException failed = assertThrows(CompletionException.class, future::join);
    assertInstanceOf(CancelledException.class, failed.getCause());
  }

  @Test
  void closingTheClientFailsWhatIsNotAnswered() {
    BulkSender sender = tocsin.bulkSender(PATIENT);
    CompletableFuture<Accepted> gathered = sender.send(draft("gathered"));
    tocsin.close();
    CompletionException failed = assertThrows(CompletionException.class, gathered::join);
    assertInstanceOf(CancelledException.class, failed.getCause());
    assertThrows(IllegalStateException.class, () -> sender.send(draft("more")));
  }

  @Test
  void badArgumentsAreRefusedAtOnce() {
    try (BulkSender sender = tocsin.bulkSender()) {
      Draft bad =
          Draft.to(Recipient.parse("guest")).title("half a bell \ud83d").message("message").build();
      assertThrows(IllegalArgumentException.class, () -> sender.send(bad));
      sender.flush();
    }
    assertFalse(server.batches.iterator().hasNext());
  }

  @Test
  void aBatchOutlivesTheContextOfWhoeverHandsOverItsLastDraft() throws Exception {
    Context.CancellableContext over = Context.current().withCancellation();
    over.cancel(null);
    try (BulkSender sender = tocsin.bulkSender(PATIENT.withBatches(1, 1 << 20))) {
      CompletableFuture<Accepted> sent = over.call(() -> sender.send(draft("a")));
      succeed(next(server.batches), Map.of());
      assertEquals("a", sent.join().notification().id());
    }
  }

  @Test
  void aFunctionOfTokensThatHangsHoldsUpNeitherSendingNorClosing() {
    CountDownLatch given = new CountDownLatch(1);
    Supplier<String> hanging =
        () -> {
          try {
            given.await();
          } catch (InterruptedException closed) {
            Thread.currentThread().interrupt();
          }
          return "token";
        };
    try (TocsinClient slow = TocsinClient.builder(server.address()).token(hanging).build()) {
      BulkSender sender = slow.bulkSender(PATIENT.withBatches(1, 1 << 20));
      CompletableFuture<Accepted> sent = sender.send(draft("a"));
      sender.close(Duration.ofMillis(1));
      CompletionException failed = assertThrows(CompletionException.class, sent::join);
      assertInstanceOf(CancelledException.class, failed.getCause());
      given.countDown();
    }
  }
}
