package dev.tocsin.client.model;

/**
 * What became of a notification that was sent.
 *
 * @param notification as it is stored
 * @param duplicate whether an earlier call with its key had stored it
 */
public record Accepted(Notification notification, boolean duplicate) implements BatchResult {}
