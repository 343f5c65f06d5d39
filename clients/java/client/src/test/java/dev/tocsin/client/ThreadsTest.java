package dev.tocsin.client;

import static dev.tocsin.client.Eventually.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.FeedEvent;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class ThreadsTest extends WithServer {
  private static Set<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(Thread::isAlive)
        .collect(Collectors.toSet());
  }

  @Test
  void aClosedClientLeavesNoThread() {
    Set<Thread> before = threads();
    try (TocsinClient other = TocsinClient.connect(server.address());
        BulkSender sender = other.bulkSender()) {
      sender.send(draft().build());
      other.async().send(draft().build()).join();
      other.subscribe(user).iterator().next();
    }
    Set<Thread> own =
        threads().stream()
            .filter(thread -> thread.getName().startsWith("tocsin-"))
            .collect(Collectors.toSet());
    own.removeAll(before);
    assertEquals(Set.of(), own);
    eventually("nothing of the libraries' is left either", () -> before.containsAll(threads()));
  }

  @Test
  void aCallbackMayCloseTheClient() {
    Set<Thread> before = threads();
    TocsinClient other = TocsinClient.connect(server.address());
    CompletableFuture<Accepted> closed =
        other.async().send(draft().build()).whenComplete((accepted, error) -> other.close());
    closed.join();
    eventually("its threads end", () -> before.containsAll(threads()));
  }

  @Test
  void tenThousandSubscriptionsLeaveNothingBehind() {
    tocsin.subscribe(user).iterator().next();
    churn(500);
    int before = threads().size();
    long memory = usedMemory();
    churn(10_000);
    assertTrue(threads().size() <= before + 4, "threads: " + before + " and " + threads().size());
    long growth = usedMemory() - memory;
    assertTrue(growth < 4 << 20, "bytes more than before: " + growth);
  }

  private void churn(int count) {
    for (int i = 0; i < count; i++) {
      try (Subscription feed = tocsin.subscribe(user)) {
        assertTrue(feed.iterator().next() instanceof FeedEvent.Subscribed);
      }
    }
  }

  private static long usedMemory() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
