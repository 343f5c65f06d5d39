package dev.tocsin.client.model;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Which notifications to list: those that meet every condition.
 *
 * @param recipient only this recipient's
 * @param feedOnly only what is in the recipient's feed, in its order
 * @param unreadOnly only what is not read
 * @param unroutedOnly only what waits for a decision about its channels
 * @param statuses only what has one of these statuses
 * @param channels only what has at least one of these channels
 * @param createdAfter only what was created then or later
 * @param createdBefore only what was created before
 * @param category only this category, or with {@code .*} at its end every one below it
 * @param pageSize the most to return at once; 0 means 50, more than 500 counts as 500
 * @param pageToken where to begin: a page's {@code nextPageToken}
 */
public record NotificationQuery(
    Optional<Recipient> recipient,
    boolean feedOnly,
    boolean unreadOnly,
    boolean unroutedOnly,
    List<Status> statuses,
    List<ChannelType> channels,
    Optional<Instant> createdAfter,
    Optional<Instant> createdBefore,
    String category,
    int pageSize,
    String pageToken) {
  /** Every notification. */
  public static NotificationQuery all() {
    return new NotificationQuery(
        Optional.empty(),
        false,
        false,
        false,
        List.of(),
        List.of(),
        Optional.empty(),
        Optional.empty(),
        "",
        0,
        "");
  }

  /** The same with this condition: only this recipient's. */
  public NotificationQuery withRecipient(Recipient recipient) {
    return new NotificationQuery(
        Optional.of(recipient),
        feedOnly,
        unreadOnly,
        unroutedOnly,
        statuses,
        channels,
        createdAfter,
        createdBefore,
        category,
        pageSize,
        pageToken);
  }

  /** The same with this condition: only what is in the recipient's feed, in its order. */
  public NotificationQuery withFeedOnly() {
    return new NotificationQuery(
        recipient,
        true,
        unreadOnly,
        unroutedOnly,
        statuses,
        channels,
        createdAfter,
        createdBefore,
        category,
        pageSize,
        pageToken);
  }

  /** The same with this condition: only what is not read. */
  public NotificationQuery withUnreadOnly() {
    return new NotificationQuery(
        recipient,
        feedOnly,
        true,
        unroutedOnly,
        statuses,
        channels,
        createdAfter,
        createdBefore,
        category,
        pageSize,
        pageToken);
  }

  /** The same with this condition: only what waits for a decision about its channels. */
  public NotificationQuery withUnroutedOnly() {
    return new NotificationQuery(
        recipient,
        feedOnly,
        unreadOnly,
        true,
        statuses,
        channels,
        createdAfter,
        createdBefore,
        category,
        pageSize,
        pageToken);
  }

  /** The same with this condition: only what has one of these statuses. */
  public NotificationQuery withStatuses(Status... statuses) {
    return new NotificationQuery(
        recipient,
        feedOnly,
        unreadOnly,
        unroutedOnly,
        List.of(statuses),
        channels,
        createdAfter,
        createdBefore,
        category,
        pageSize,
        pageToken);
  }

  /** The same with this condition: only what has at least one of these channels. */
  public NotificationQuery withChannels(ChannelType... channels) {
    return new NotificationQuery(
        recipient,
        feedOnly,
        unreadOnly,
        unroutedOnly,
        statuses,
        List.of(channels),
        createdAfter,
        createdBefore,
        category,
        pageSize,
        pageToken);
  }

  /** The same with this condition: only what was created then or later. */
  public NotificationQuery withCreatedAfter(Instant createdAfter) {
    return new NotificationQuery(
        recipient,
        feedOnly,
        unreadOnly,
        unroutedOnly,
        statuses,
        channels,
        Optional.of(createdAfter),
        createdBefore,
        category,
        pageSize,
        pageToken);
  }

  /** The same with this condition: only what was created before. */
  public NotificationQuery withCreatedBefore(Instant createdBefore) {
    return new NotificationQuery(
        recipient,
        feedOnly,
        unreadOnly,
        unroutedOnly,
        statuses,
        channels,
        createdAfter,
        Optional.of(createdBefore),
        category,
        pageSize,
        pageToken);
  }

  /**
   * The same with this condition: only this category, or with {@code .*} at its end every one below
   * it.
   */
  public NotificationQuery withCategory(String category) {
    return new NotificationQuery(
        recipient,
        feedOnly,
        unreadOnly,
        unroutedOnly,
        statuses,
        channels,
        createdAfter,
        createdBefore,
        category,
        pageSize,
        pageToken);
  }

  /**
   * The same with this condition: the most to return at once; 0 means 50, more than 500 counts as
   * 500.
   */
  public NotificationQuery withPageSize(int pageSize) {
    return new NotificationQuery(
        recipient,
        feedOnly,
        unreadOnly,
        unroutedOnly,
        statuses,
        channels,
        createdAfter,
        createdBefore,
        category,
        pageSize,
        pageToken);
  }

  /** The same with this condition: where to begin: a page's {@code nextPageToken}. */
  public NotificationQuery withPageToken(String pageToken) {
    return new NotificationQuery(
        recipient,
        feedOnly,
        unreadOnly,
        unroutedOnly,
        statuses,
        channels,
        createdAfter,
        createdBefore,
        category,
        pageSize,
        pageToken);
  }
}
