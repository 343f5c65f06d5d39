package dev.tocsin.client.model;

import java.util.List;

/**
 * One page of a list.
 *
 * @param notifications those of this page, possibly none even if more follow
 * @param nextPageToken where the next page begins; empty on the last one
 * @param cursor a place in the recipient's feed from before the page was read: subscribe with the
 *     <em>first</em> page's. Empty when the list was not of one recipient
 */
public record NotificationPage(
    List<Notification> notifications, String nextPageToken, String cursor) {}
