package dev.tocsin.client.model;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One way by which a notification goes out, and how far it has come.
 *
 * @param id id of the row
 * @param notificationId the notification that it belongs to
 * @param channel which channel
 * @param status how far it has come
 * @param attempts attempts made so far; it never falls
 * @param response what the sending system answered last, as the API describes it; empty before the
 *     first answer, and for a caller with a recipient's token
 * @param createdAt when the row was stored
 * @param address where it is sent to; empty for websocket, and for a caller with a recipient's
 *     token
 * @param nextAttemptAt empty while an attempt is running, once settled, and while websocket waits
 *     for its subscriber
 * @param history what {@code response} tells of the attempts, newest last; empty where that is
 *     empty
 */
public record Channel(
    String id,
    String notificationId,
    ChannelType channel,
    Status status,
    int attempts,
    Map<String, Object> response,
    Instant createdAt,
    String address,
    Optional<Instant> nextAttemptAt,
    List<Attempt> history) {}
