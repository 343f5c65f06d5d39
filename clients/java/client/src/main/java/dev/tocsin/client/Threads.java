package dev.tocsin.client;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads of one client: those that run callbacks, and one that keeps time. None runs before it
 * is needed. They are daemons, so that a program that forgets to close its client can end.
 */
final class Threads {
  /** How long {@link #end} waits for callbacks that are running. */
  private static final long PATIENCE_SECONDS = 5;

  private final AtomicInteger count = new AtomicInteger();
  private final Set<Thread> started = ConcurrentHashMap.newKeySet();
  final ThreadFactory factory = this::started;

  /** Grows as it must: a callback of the user's that blocks holds up nobody else. */
  final ExecutorService callbacks =
      new ThreadPoolExecutor(
          0, Integer.MAX_VALUE, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), factory);

  final ScheduledThreadPoolExecutor clock = new ScheduledThreadPoolExecutor(1, factory);

  Threads() {
    // A subscription that ends takes its watchdog along, instead of leaving it for a minute.
    clock.setRemoveOnCancelPolicy(true);
  }

  /** Ends them, and returns when they have ended; a callback may call this. */
  void end() {
    clock.shutdownNow();
    callbacks.shutdown();
    if (isOwn(Thread.currentThread())) {
      return;
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    try {
      // Pools say that they have ended while their last threads still run.
      for (Thread thread : started) {
        long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
        thread.join(Math.max(left, 1));
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whether this is one of these threads, which cannot wait for its own end. */
  boolean isOwn(Thread thread) {
    return started.contains(thread);
  }

  private Thread started(Runnable task) {
    started.removeIf(thread -> thread.getState() == Thread.State.TERMINATED);
    Thread thread = new Thread(null, task, "tocsin-" + count.incrementAndGet(), 0, false);
    thread.setDaemon(true);
    started.add(thread);
    return thread;
  }
}
