package dev.tocsin.client.model;

import java.time.Instant;
import java.util.List;

/** One event of a feed. */
public sealed interface FeedEvent {
  /** Where to resume after this event. */
  String cursor();

  /** How many notifications of the feed are unread, as of this event. */
  long unreadCount();

  /**
   * A stream has started, at first or again.
   *
   * @param recovered whether nothing is missing in between. If not, list the feed again from its
   *     first page: what is newer than the list follows on this stream
   */
  record Subscribed(String cursor, long unreadCount, boolean recovered) implements FeedEvent {}

  /**
   * A notification is new in the feed, or has changed: put it in the place of what you have of its
   * id.
   *
   * @param notification as it is now
   */
  record Changed(String cursor, long unreadCount, Notification notification) implements FeedEvent {}

  /**
   * Notifications were marked as read, on this device or another.
   *
   * @param ids which ones, at most 500
   * @param readAt when
   */
  record MarkedAsRead(String cursor, long unreadCount, List<String> ids, Instant readAt)
      implements FeedEvent {}
}
