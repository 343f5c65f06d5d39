package dev.tocsin.client;

import com.google.protobuf.MessageLite;
import dev.tocsin.client.error.CancelledException;
import dev.tocsin.client.error.Failure;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.error.UnavailableException;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * A call under way: its attempts, within one deadline, and the future that they are for. Cancelling
 * the future cancels the attempt.
 *
 * <p>UNAVAILABLE is worth another attempt (AIP-194), and a CANCELLED that nobody on this side asked
 * for: so end calls that reach a gRPC server at the moment of its stop, before it hands them to its
 * program. Of the others, RESOURCE_EXHAUSTED asks the caller to slow down, who can do so only on
 * learning of it, and the rest would fail again. To wait longer than the deadline allows would help
 * nobody, so a call gives up at once then, with the error that says why.
 */
final class UnaryCall<Q extends MessageLite, A, T> implements Connection.Tenant {
  private final Connection connection;
  private final Calls.Call<Q, A, T> call;
  private final Token token;
  private final Backoff backoff;
  private final long end;
  private final CompletableFuture<T> future = new CompletableFuture<>();
  // Whoever cancels this context, or has set it a deadline, means this call.
  private final Context context = Context.current();
  private volatile ClientCall<Q, A> attempt;
  private volatile boolean evicted;
  private int failures;

  private UnaryCall(
      Connection connection,
      Calls.Call<Q, A, T> call,
      Token token,
      Backoff backoff,
      Duration deadline) {
    this.connection = connection;
    this.call = call;
    this.token = token;
    this.backoff = backoff;
    this.end = System.nanoTime() + deadline.toNanos();
  }

  /**
   * Makes a call.
   *
   * @param backoff the waits between attempts; null makes it once
   */
  static <Q extends MessageLite, A, T> CompletableFuture<T> start(
      Connection connection,
      Calls.Call<Q, A, T> call,
      Token token,
      Backoff backoff,
      Duration deadline) {
    connection.checkOpen();
    UnaryCall<Q, A, T> made = new UnaryCall<>(connection, call, token, backoff, deadline);
    connection.enter(made);
    made.future.whenComplete((value, error) -> made.ended());
    made.attempt();
    return made.future;
  }

  private void ended() {
    connection.leave(this);
    ClientCall<Q, A> current = attempt;
    if (future.isCancelled() && current != null) {
      current.cancel("cancelled by the caller", null);
    }
  }

  @Override
  public void evict() {
    evicted = true;
    future.completeExceptionally(
        Failure.of(Status.Code.CANCELLED, "the client was closed").exception());
  }

  private void attempt() {
    if (future.isDone()) {
      return;
    }
    try {
      context.run(this::begin);
    } catch (RuntimeException | Error refused) {
      // A token that could not be got, for one.
      future.completeExceptionally(refused);
    }
  }

  private void begin() {
    CallOptions options =
        CallOptions.DEFAULT.withDeadlineAfter(
            Math.max(end - System.nanoTime(), 0), TimeUnit.NANOSECONDS);
    Metadata headers = token.headers();
    ClientCall<Q, A> started = connection.channel.newCall(call.method(), options);
    attempt = started;
    started.start(new Answer(), headers);
    started.sendMessage(call.request());
    started.halfClose();
    // One more than the answer, so that a second one, which no server of ours sends, is noticed.
    started.request(2);
    if (future.isCancelled()) {
      started.cancel("cancelled by the caller", null);
    }
  }

  private final class Answer extends ClientCall.Listener<A> {
    private A message;

    @Override
    public void onMessage(A message) {
      this.message = message;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (!status.isOk()) {
        failed(Failure.of(status, trailers).exception());
      } else if (message == null) {
        failed(Failure.of(Status.Code.INTERNAL, "the server answered nothing").exception());
      } else {
        try {
          future.complete(call.read().apply(message));
        } catch (RuntimeException unreadable) {
          future.completeExceptionally(unreadable);
        }
      }
    }
  }

  private void failed(TocsinException error) {
    if (!isWorthAnother(error) || future.isDone() || evicted || context.isCancelled()) {
      future.completeExceptionally(error);
      return;
    }
    failures++;
    Duration delay =
        backoff.delay(failures, error.retryAfter(), ThreadLocalRandom.current()::nextDouble);
    if (delay.toNanos() >= end - System.nanoTime()) {
      future.completeExceptionally(error);
      return;
    }
    connection.later(
        delay,
        () -> {
          // Else gRPC would not look for a server that is back until its own wait, up to two
          // minutes, is over.
          connection.channel.resetConnectBackoff();
          attempt();
        });
  }

  private boolean isWorthAnother(TocsinException error) {
    return backoff != null
        && call.repeatable()
        && (error instanceof UnavailableException
            || error instanceof CancelledException && error.reason().isEmpty());
  }
}
