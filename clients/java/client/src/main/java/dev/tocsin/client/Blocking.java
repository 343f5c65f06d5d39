package dev.tocsin.client;

import dev.tocsin.client.error.CancelledException;
import dev.tocsin.client.error.Failure;
import dev.tocsin.client.error.TocsinException;
import io.grpc.Status;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** The blocking form of a call. */
final class Blocking {
  private Blocking() {}

  /**
   * Waits for an answer. If the thread is interrupted, cancels the call and throws a
   * CancelledException.
   */
  static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException interrupted) {
      future.cancel(true);
      Thread.currentThread().interrupt();
      throw new CancelledException(
          Failure.of(Status.Code.CANCELLED, "interrupted while waiting for the answer"));
    } catch (CancellationException cancelled) {
      throw new CancelledException(Failure.of(Status.Code.CANCELLED, "the call was cancelled"));
    } catch (ExecutionException failed) {
      throw asThrown(failed.getCause());
    }
  }

  /**
   * Returns what to throw on the caller's own thread, so that its stack shows who called; the
   * original is the cause.
   */
  static RuntimeException asThrown(Throwable thrown) {
    if (thrown instanceof TocsinException failure) {
      TocsinException here = failure.failure().exception();
      here.initCause(failure);
      return here;
    }
    if (thrown instanceof Error error) {
      throw error;
    }
    return thrown instanceof RuntimeException unchecked
        ? unchecked
        : new IllegalStateException(thrown);
  }
}
