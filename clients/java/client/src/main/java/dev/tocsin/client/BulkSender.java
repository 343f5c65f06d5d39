package dev.tocsin.client;

import dev.tocsin.client.error.CancelledException;
import dev.tocsin.client.error.DeadlineExceededException;
import dev.tocsin.client.error.Failure;
import dev.tocsin.client.error.PolicyLimitException;
import dev.tocsin.client.error.ResourceExhaustedException;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.error.UnavailableException;
import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.BatchResult;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.Refused;
import dev.tocsin.v1.SendBatchRequest;
import dev.tocsin.v1.SendRequest;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Sends many notifications without waiting for each: drafts gather for a few milliseconds and go
 * out as batches, at a fraction of the cost of single calls. Safe to share between threads.
 *
 * <p>A batch that the server cannot take at the moment is sent again, with the same idempotency
 * keys, until its drafts' time is over; so nothing is stored twice. A draft that is refused spoils
 * no other. Order holds within a batch, and across batches only with one in flight. Cancelling a
 * future leaves its draft out if its batch has not left yet.
 */
public final class BulkSender implements AutoCloseable, Connection.Tenant {
  /** What a request costs in its batch beside its own bytes: a tag, and its length. */
  private static final int FRAME = 5;

  private final Connection connection;
  private final Token token;
  private final BulkOptions options;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition hasRoom = lock.newCondition();
  private final Set<Future<?>> calls = ConcurrentHashMap.newKeySet();
  // All below: under the lock.
  private final Set<Item> unresolved = new HashSet<>();
  private final Queue<Batch> ready = new ArrayDeque<>();
  private List<Item> gathering = new ArrayList<>();
  private int gatheredBytes;
  private Future<?> linger;
  private long pendingBytes;
  private int inFlight;
  private boolean isClosed;

  BulkSender(Connection connection, Token token, BulkOptions options) {
    this.connection = connection;
    this.token = token;
    this.options = options;
    connection.enter(this);
  }

  /** A draft on its way; {@code end} is the monotonic time at which it is given up. */
  private record Item(SendRequest request, int size, long end, CompletableFuture<Accepted> future) {
    // By identity: two drafts may be alike.
    @Override
    public boolean equals(Object other) {
      return this == other;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }

  /** Drafts that go together, and how often they have in vain. */
  private record Batch(List<Item> items, int failures) {}

  /**
   * Hands over a draft, and returns at once, unless so much is pending that it has to wait for
   * room.
   *
   * @return what becomes of it; the notification comes without message and metadata
   * @throws IllegalArgumentException if it cannot be put into a message
   * @throws IllegalStateException if the sender is closed
   * @throws CancelledException if the thread is interrupted while it waits; the draft is not sent
   *     then
   */
  public CompletableFuture<Accepted> send(Draft draft) {
    SendRequest request = Requests.send(draft, Calls.key(draft));
    long end = System.nanoTime() + options.deliveryTimeout().toNanos();
    int size = request.getSerializedSize() + FRAME;
    Item item = new Item(request, size, end, new CompletableFuture<>());
    lock.lock();
    try {
      awaitRoom(size);
      unresolved.add(item);
      pendingBytes += size;
      gather(item);
    } finally {
      lock.unlock();
    }
    dispatch();
    return item.future;
  }

  private void awaitRoom(int size) {
    checkOpen();
    try {
      // One is let in however large it is, else it would wait for ever.
      while (!unresolved.isEmpty()
          && (unresolved.size() >= options.maxPending()
              || pendingBytes + size > options.maxPendingBytes())) {
        hasRoom.await();
        checkOpen();
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new CancelledException(
          Failure.of(Status.Code.CANCELLED, "interrupted while waiting for room"));
    }
  }

  private void checkOpen() {
    connection.checkOpen();
    if (isClosed) {
      throw new IllegalStateException("the sender is closed");
    }
  }

  private void gather(Item item) {
    if (!gathering.isEmpty() && gatheredBytes + item.size > options.maxBytes()) {
      seal();
    }
    gathering.add(item);
    gatheredBytes += item.size;
    if (gathering.size() >= options.maxRequests() || gatheredBytes >= options.maxBytes()) {
      seal();
    } else if (gathering.size() == 1) {
      List<Item> batch = gathering;
      linger = connection.later(options.linger(), () -> sealIfStillOpen(batch));
    }
  }

  private void sealIfStillOpen(List<Item> batch) {
    lock.lock();
    try {
      if (batch == gathering) {
        seal();
      }
    } finally {
      lock.unlock();
    }
    dispatch();
  }

  private void seal() {
    if (linger != null) {
      linger.cancel(false);
      linger = null;
    }
    if (!gathering.isEmpty()) {
      ready.add(new Batch(gathering, 0));
      gathering = new ArrayList<>();
      gatheredBytes = 0;
    }
  }

  private void dispatch() {
    while (true) {
      Batch batch;
      lock.lock();
      try {
        if (inFlight >= options.inFlight() || ready.isEmpty()) {
          return;
        }
        batch = ready.remove();
        inFlight++;
      } finally {
        lock.unlock();
      }
      // Not here: the function of tokens may take its time, and the batch has drafts of others than
      // this thread, whose gRPC context may end.
      connection.soon(() -> attempt(batch));
    }
  }

  /** Sends a batch, which holds its place among those in flight until all of it is resolved. */
  private void attempt(Batch batch) {
    List<Item> wanted = new ArrayList<>();
    SendBatchRequest.Builder request = SendBatchRequest.newBuilder();
    for (Item item : batch.items) {
      if (item.future.isDone()) {
        release(List.of(item));
      } else {
        wanted.add(item);
        request.addRequests(item.request);
      }
    }
    if (wanted.isEmpty()) {
      landed();
      return;
    }
    CompletableFuture<List<BatchResult>> answer;
    try {
      answer =
          UnaryCall.start(
              connection, Calls.sendBatch(request.build()), token, null, timeout(wanted));
    } catch (IllegalStateException closed) {
      return; // The closing of the connection resolves what is here.
    }
    Batch sent = new Batch(wanted, batch.failures);
    calls.add(answer);
    answer.whenComplete(
        (results, error) -> {
          calls.remove(answer);
          answered(sent, results, error);
        });
  }

  private Duration timeout(List<Item> batch) {
    long end = batch.stream().mapToLong(Item::end).max().orElseThrow();
    Duration left = Duration.ofNanos(Math.max(end - System.nanoTime(), 1));
    return left.compareTo(options.attemptTimeout()) < 0 ? left : options.attemptTimeout();
  }

  private void answered(Batch batch, List<BatchResult> results, Throwable error) {
    List<Item> again = new ArrayList<>();
    List<Item> resolved = new ArrayList<>();
    List<Runnable> resolutions = new ArrayList<>();
    Duration wait = Duration.ZERO;
    Throwable whole = error == null && results.size() != batch.items.size() ? miscounted() : error;
    double jitter = ThreadLocalRandom.current().nextDouble();
    for (int i = 0; i < batch.items.size(); i++) {
      Item item = batch.items.get(i);
      BatchResult result = whole == null ? results.get(i) : null;
      Throwable failure = result instanceof Refused refused ? refused.error() : whole;
      if (failure instanceof TocsinException refusal && isWorthAnother(refusal, whole == null)) {
        Duration delay =
            Backoff.CALLS.delay(batch.failures + 1, refusal.retryAfter(), () -> jitter);
        if (System.nanoTime() + delay.toNanos() - item.end < 0) {
          again.add(item);
          wait = delay.compareTo(wait) > 0 ? delay : wait;
          continue;
        }
      }
      resolved.add(item);
      resolutions.add(() -> resolve(item, result, failure));
    }
    // Room first: what waits for these futures may want to send.
    release(resolved);
    repeat(new Batch(again, batch.failures + 1), wait, whole != null);
    resolutions.forEach(Runnable::run);
  }

  /**
   * Sends again after a while; meanwhile a server that takes nothing gets nothing else in this
   * batch's place.
   */
  private void repeat(Batch batch, Duration wait, boolean keepsPlace) {
    boolean isEmpty = batch.items.isEmpty();
    if (!isEmpty) {
      connection.later(
          wait,
          () -> {
            connection.channel.resetConnectBackoff();
            if (keepsPlace) {
              attempt(batch);
            } else {
              lock.lock();
              try {
                ready.add(batch);
              } finally {
                lock.unlock();
              }
              dispatch();
            }
          });
    }
    if (isEmpty || !keepsPlace) {
      landed();
    }
  }

  private static TocsinException miscounted() {
    return Failure.of(Status.Code.INTERNAL, "the answer has not one result for each draft")
        .exception();
  }

  private static boolean isWorthAnother(TocsinException error, boolean isItem) {
    if (error instanceof PolicyLimitException) {
      // It is one recipient's, and may last for days, while others would wait behind.
      return false;
    }
    if (error instanceof UnavailableException || error instanceof ResourceExhaustedException) {
      return true;
    }
    return !isItem
        && (error instanceof DeadlineExceededException
            || error instanceof CancelledException && error.reason().isEmpty());
  }

  private static void resolve(Item item, BatchResult result, Throwable failure) {
    if (failure == null) {
      item.future.complete((Accepted) result);
    } else {
      item.future.completeExceptionally(failure);
    }
  }

  private void release(List<Item> items) {
    lock.lock();
    try {
      for (Item item : items) {
        if (unresolved.remove(item)) {
          pendingBytes -= item.size;
        }
      }
      hasRoom.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void landed() {
    lock.lock();
    try {
      inFlight--;
    } finally {
      lock.unlock();
    }
    dispatch();
  }

  /**
   * Sends what is gathered, and returns when everything that was handed over before has been
   * answered, well or not.
   *
   * @throws CancelledException if the thread is interrupted
   */
  public void flush() {
    Blocking.await(flushed());
  }

  /** As {@link #flush}, without waiting. */
  private CompletableFuture<Void> flushed() {
    CompletableFuture<?>[] futures;
    lock.lock();
    try {
      seal();
      futures =
          unresolved.stream()
              .map(item -> item.future.handle((accepted, error) -> null))
              .toArray(CompletableFuture<?>[]::new);
    } finally {
      lock.unlock();
    }
    dispatch();
    return CompletableFuture.allOf(futures);
  }

  /** Takes nothing more, and flushes. May be called repeatedly. */
  @Override
  public void close() {
    refuse();
    try {
      flush();
    } finally {
      end("the sender was closed before there was an answer");
    }
  }

  /**
   * As {@link #close()}, for so long at the most: what is then unanswered fails as cancelled,
   * stored or not.
   */
  public void close(Duration timeout) {
    refuse();
    try {
      flushed().get(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS);
    } catch (TimeoutException late) {
      // What is late fails below.
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException impossible) {
      throw new CompletionException(impossible);
    } finally {
      end("the sender was closed before there was an answer");
    }
  }

  /** The client is closed. */
  @Override
  public void evict() {
    refuse();
    end("the client was closed before there was an answer");
  }

  private void refuse() {
    lock.lock();
    try {
      isClosed = true;
      hasRoom.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void end(String description) {
    List<Item> left;
    lock.lock();
    try {
      seal();
      left = List.copyOf(unresolved);
    } finally {
      lock.unlock();
    }
    release(left);
    for (Item item : left) {
      item.future.completeExceptionally(Failure.of(Status.Code.CANCELLED, description).exception());
    }
    calls.forEach(call -> call.cancel(true));
    connection.leave(this);
  }
}
