package dev.tocsin.client.model;

/**
 * How many notifications of a feed are unread.
 *
 * @param count the number
 * @param cursor the place in the feed that it belongs to
 */
public record UnreadCount(long count, String cursor) {}
