package dev.tocsin.client.model;

/**
 * What marking as read did.
 *
 * @param markedCount how many notifications the call turned from unread to read
 * @param unreadCount how many are unread in the feed now
 * @param cursor the place in the feed that {@code unreadCount} belongs to; empty for a recipient
 *     who is not registered
 */
public record MarkedRead(long markedCount, long unreadCount, String cursor) {}
