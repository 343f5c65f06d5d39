package dev.tocsin.client.model;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One message to one recipient, with the channels that carry it.
 *
 * @param id unique id
 * @param recipient whom it is for
 * @param title one line
 * @param message the text; empty in the answers of batches, which leave it out as they do {@code
 *     metadata}
 * @param status how far it has come as a whole
 * @param metadata what the sender attached: strings, {@code Long} for integral numbers, {@code
 *     Double}, {@code Boolean}, null, lists and maps; empty when nothing was
 * @param isRead whether the recipient has read it
 * @param createdAt when the server stored it
 * @param channels those that have come into play, oldest first; none while nobody has decided how
 *     to send
 * @param readAt when it was marked as read
 * @param sendAt when sending starts, if its sender named a time
 * @param expiresAt when delivery ends, if its sender named a time
 * @param owner name of the caller that sent it; empty if the server asked for no credentials then
 * @param category what kind of notification it is; empty means none
 * @param routeBy while nobody has decided about its channels: when the rules will
 */
public record Notification(
    String id,
    Recipient recipient,
    String title,
    String message,
    Status status,
    Map<String, Object> metadata,
    boolean isRead,
    Instant createdAt,
    List<Channel> channels,
    Optional<Instant> readAt,
    Optional<Instant> sendAt,
    Optional<Instant> expiresAt,
    String owner,
    String category,
    Optional<Instant> routeBy) {}
