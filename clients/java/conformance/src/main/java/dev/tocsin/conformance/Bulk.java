package dev.tocsin.conformance;

import dev.tocsin.client.BulkSender;
import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.model.Accepted;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/** The operations of the bulk sender, and loads. */
final class Bulk {
  private final Map<String, BulkSender> senders = new LinkedHashMap<>();
  private final Map<String, List<CompletableFuture<Accepted>>> handedOver = new LinkedHashMap<>();

  void close() {
    senders.values().forEach(BulkSender::close);
  }

  Map<String, Object> open(TocsinClient client, Arguments given) {
    String name = given.text("sender");
    BulkSender old = senders.put(name, client.bulkSender(given.bulkOptions()));
    if (old != null) {
      old.close();
    }
    handedOver.put(name, new ArrayList<>());
    return Map.of();
  }

  Map<String, Object> send(Arguments given) {
    String name = given.text("sender");
    for (Arguments request : given.several("requests")) {
      handedOver.get(name).add(senders.get(name).send(request.draft()));
    }
    return Map.of();
  }

  Map<String, Object> results(Arguments given) throws Exception {
    List<CompletableFuture<Accepted>> futures = handedOver.get(given.text("sender"));
    CompletableFuture<?> all =
        CompletableFuture.allOf(futures.toArray(CompletableFuture<?>[]::new));
    try {
      all.exceptionally(error -> null)
          .get(Math.round(given.decimal("timeout", 60) * 1000), TimeUnit.MILLISECONDS);
    } catch (TimeoutException late) {
      throw new IllegalStateException("not all results are there");
    }
    List<Object> results = new ArrayList<>();
    futures.forEach(future -> results.add(result(future)));
    futures.clear();
    return Map.of("results", results);
  }

  private static Map<String, Object> result(CompletableFuture<Accepted> future) {
    try {
      return Map.of("ok", Answers.members(future.join()));
    } catch (CompletionException failed) {
      return Map.of("error", Answers.failure(failed.getCause()));
    }
  }

  Map<String, Object> flush(Arguments given) {
    senders.get(given.text("sender")).flush();
    return Map.of();
  }

  Map<String, Object> close(Arguments given) {
    BulkSender sender = senders.get(given.text("sender"));
    given.seconds("timeout").ifPresentOrElse(sender::close, sender::close);
    return Map.of();
  }

  Map<String, Object> load(TocsinClient client, Arguments given) {
    try (BulkSender sender = client.bulkSender(given.bulkOptions())) {
      return load(given, key -> sender.send(given.draft(key)));
    }
  }

  /** Single calls, so many at once. */
  Map<String, Object> unaryLoad(TocsinClient client, Arguments given) {
    Semaphore room = new Semaphore(given.number("in_flight", 1));
    return load(
        given,
        key -> {
          room.acquireUninterruptibly();
          return client
              .async()
              .send(given.draft(key))
              .whenComplete((accepted, error) -> room.release());
        });
  }

  private static Map<String, Object> load(
      Arguments given, Function<String, CompletableFuture<Accepted>> send) {
    int accepted = 0;
    int duplicates = 0;
    Map<String, Integer> errors = new TreeMap<>();
    List<CompletableFuture<Accepted>> futures = new ArrayList<>();
    long start = System.nanoTime();
    for (int i = 0; i < given.number("count", 0); i++) {
      futures.add(send.apply(given.text("key_prefix") + i));
    }
    for (CompletableFuture<Accepted> future : futures) {
      try {
        duplicates += future.join().duplicate() ? 1 : 0;
        accepted++;
      } catch (CompletionException failed) {
        errors.merge(word(failed.getCause()), 1, Integer::sum);
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    return Map.of(
        "accepted", accepted, "duplicates", duplicates, "errors", errors, "seconds", seconds);
  }

  private static String word(Throwable error) {
    if (error instanceof TocsinException failure) {
      return failure.reason().isEmpty() ? failure.code().name() : failure.reason();
    }
    return error.getClass().getSimpleName();
  }

  /** Sends at a pace, whatever becomes of them; each one's latency counts from when it was due. */
  Map<String, Object> pacedLoad(TocsinClient client, Arguments given) {
    try (BulkSender sender = client.bulkSender(given.bulkOptions())) {
      Function<String, CompletableFuture<Accepted>> send =
          given.flag("bulk")
              ? key -> sender.send(given.draft(key))
              : key -> client.async().send(given.draft(key));
      double pause = 1e9 / given.decimal("rate", 100);
      long start = System.nanoTime();
      List<CompletableFuture<Double>> latencies = new ArrayList<>();
      for (int i = 0; i < given.number("count", 0); i++) {
        long due = start + (long) (i * pause);
        while (System.nanoTime() - due < 0) {
          LockSupport.parkNanos(due - System.nanoTime());
        }
        latencies.add(
            send.apply(given.text("key_prefix") + i)
                .thenApply(accepted -> (System.nanoTime() - due) / 1e6));
      }
      return Map.of("milliseconds", latencies.stream().map(CompletableFuture::join).toList());
    }
  }
}
