package dev.tocsin.client.model;

import java.time.Instant;
import java.util.Optional;

/**
 * One attempt to send through a channel, or the server's decision to make no further one.
 *
 * @param attemptedAt when the answer came, or the server decided
 * @param outcome how it ended
 * @param provider which of the configured providers answered; empty when the server itself ended
 *     the channel
 * @param code the provider's own code, or why the server ended the channel, such as {@code EXPIRED}
 * @param detail the provider's or the server's own words
 */
public record Attempt(
    Optional<Instant> attemptedAt,
    AttemptOutcome outcome,
    String provider,
    String code,
    String detail) {}
