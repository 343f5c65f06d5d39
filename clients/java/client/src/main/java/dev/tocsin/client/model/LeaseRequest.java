package dev.tocsin.client.model;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Which undecided notifications to take, and for how long.
 *
 * @param maxCount the most to be given, 1 to 100; 0 means 10
 * @param lease how long nobody else is given them, 1 s to 10 min; empty means 60 s
 * @param maxWait how long to wait for the first one, up to 60 s; the call's deadline is longer by
 *     as much
 * @param category only this category, or with {@code .*} at its end every one below it
 * @param recipientTypes only for recipients of these types
 */
public record LeaseRequest(
    int maxCount,
    Optional<Duration> lease,
    Optional<Duration> maxWait,
    String category,
    List<RecipientType> recipientTypes) {
  /** Ten of any kind for a minute, without waiting. */
  public static LeaseRequest all() {
    return new LeaseRequest(0, Optional.empty(), Optional.empty(), "", List.of());
  }

  /** The same with this condition: the most to be given, 1 to 100; 0 means 10. */
  public LeaseRequest withMaxCount(int maxCount) {
    return new LeaseRequest(maxCount, lease, maxWait, category, recipientTypes);
  }

  /**
   * The same with this condition: how long nobody else is given them, 1 s to 10 min; empty means 60
   * s.
   */
  public LeaseRequest withLease(Duration lease) {
    return new LeaseRequest(maxCount, Optional.of(lease), maxWait, category, recipientTypes);
  }

  /**
   * The same with this condition: how long to wait for the first one, up to 60 s; the call's
   * deadline is longer by as much.
   */
  public LeaseRequest withMaxWait(Duration maxWait) {
    return new LeaseRequest(maxCount, lease, Optional.of(maxWait), category, recipientTypes);
  }

  /**
   * The same with this condition: only this category, or with {@code .*} at its end every one below
   * it.
   */
  public LeaseRequest withCategory(String category) {
    return new LeaseRequest(maxCount, lease, maxWait, category, recipientTypes);
  }

  /** The same with this condition: only for recipients of these types. */
  public LeaseRequest withRecipientTypes(RecipientType... recipientTypes) {
    return new LeaseRequest(maxCount, lease, maxWait, category, List.of(recipientTypes));
  }
}
