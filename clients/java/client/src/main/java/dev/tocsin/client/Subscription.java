package dev.tocsin.client;

import dev.tocsin.client.error.CancelledException;
import dev.tocsin.client.error.Failure;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.model.FeedEvent;
import io.grpc.Status;
import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/**
 * A recipient's live feed: iterate over it for events, close it when done.
 *
 * <pre>{@code
 * try (Subscription feed = tocsin.subscribe(user)) {
 *   for (FeedEvent event : feed) { … }
 * }
 * }</pre>
 *
 * <p>It resumes by itself, without a gap, whenever a stream ends. At the start and after each
 * resumption comes a {@link FeedEvent.Subscribed}; if that is not recovered, list the feed again.
 *
 * <p>One thread iterates; any other may close it, and so makes the iteration stop. There is one
 * iteration: all iterators are the same. It throws a {@link TocsinException}, once, for what no
 * further stream can cure, such as a bad token; and a {@link CancelledException} if its thread is
 * interrupted.
 */
public final class Subscription implements Iterable<FeedEvent>, AutoCloseable {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final FeedStream stream;
  private boolean isAsked;
  private boolean isOver;
  private FeedEvent event;
  private Throwable error;
  private String cursor;

  Subscription(String cursor, Function<Flow.Subscriber<FeedEvent>, FeedStream> open) {
    this.cursor = cursor;
    this.stream = open.apply(new Receiver());
    stream.start();
  }

  /**
   * The place after the last event that was handed out, heartbeats after it included. To carry on
   * after a restart of your program without losing what it had not finished, keep the cursor of the
   * last event that you have dealt with instead.
   */
  public String cursor() {
    lock.lock();
    try {
      return cursor;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for the next event.
   *
   * @return the event; empty if none came in this time, or if the subscription is closed
   */
  public Optional<FeedEvent> poll(Duration timeout) {
    return await(TimeUnit.NANOSECONDS.convert(timeout)) ? Optional.of(take()) : Optional.empty();
  }

  /** Whether the subscription has ended: it was closed, or has thrown what ended it. */
  public boolean isClosed() {
    lock.lock();
    try {
      return isOver && error == null && event == null;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Iterator<FeedEvent> iterator() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return await(Long.MAX_VALUE);
      }

      @Override
      public FeedEvent next() {
        if (!hasNext()) {
          throw new NoSuchElementException("the subscription is closed");
        }
        return take();
      }
    };
  }

  /** Ends the stream and the iteration. May be called repeatedly, and from any thread. */
  @Override
  public void close() {
    lock.lock();
    try {
      isOver = true;
      event = null;
      error = null;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    stream.cancel();
  }

  /** Returns whether there is an event to take; throws what ended the subscription, once. */
  private boolean await(long nanos) {
    if (needsAsking()) {
      // Without the lock: what this starts may take long, to get a token for one.
      stream.request(1);
    }
    lock.lock();
    try {
      long left = nanos;
      while (event == null && !isOver) {
        if (left <= 0) {
          return false;
        }
        left = changed.awaitNanos(left);
      }
      if (event != null) {
        return true;
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new CancelledException(
          Failure.of(Status.Code.CANCELLED, "interrupted while waiting for an event"));
    } finally {
      lock.unlock();
    }
    return rethrow();
  }

  private boolean needsAsking() {
    lock.lock();
    try {
      boolean needed = event == null && !isOver && !isAsked;
      isAsked |= needed;
      return needed;
    } finally {
      lock.unlock();
    }
  }

  private boolean rethrow() {
    Throwable thrown;
    lock.lock();
    try {
      thrown = error;
      error = null;
    } finally {
      lock.unlock();
    }
    if (thrown != null) {
      throw Blocking.asThrown(thrown);
    }
    return false;
  }

  private FeedEvent take() {
    lock.lock();
    try {
      if (event == null) {
        throw new NoSuchElementException("the subscription is closed");
      }
      FeedEvent taken = event;
      event = null;
      cursor = taken.cursor();
      return taken;
    } finally {
      lock.unlock();
    }
  }

  private final class Receiver implements Flow.Subscriber<FeedEvent>, FeedStream.Positioned {
    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      // Asked for as somebody waits.
    }

    @Override
    public void onNext(FeedEvent next) {
      tell(
          () -> {
            isAsked = false;
            event = isOver ? null : next;
          });
    }

    @Override
    public void moved(String place) {
      // No event can be waiting here: a message was asked for, and is asked for only when there is
      // none.
      tell(() -> cursor = place);
    }

    @Override
    public void onError(Throwable thrown) {
      tell(
          () -> {
            error = isOver ? null : thrown;
            isOver = true;
          });
    }

    @Override
    public void onComplete() {
      tell(() -> isOver = true);
    }

    private void tell(Runnable change) {
      lock.lock();
      try {
        change.run();
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }
}
