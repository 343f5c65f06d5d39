package dev.tocsin.client.model;

import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A notification to send.
 *
 * @param recipient whom it is for
 * @param title one line of plain text, 1 to 255 characters
 * @param message the text, at most 64 KiB
 * @param channels what to send through, each channel at most once; none lets the routing rules
 *     decide. The order counts for a fallback
 * @param addresses addresses that the recipient is known to have; they choose no channel
 * @param metadata JSON values to attach, at most 32 KiB
 * @param idempotencyKey makes repeating safe: the same key never makes a second notification. The
 *     client makes one up when it is empty, which covers its own repetitions; give one to cover
 *     also yours
 * @param sendAt when to start sending, at most 366 days ahead
 * @param expiresAt when to give up
 * @param strategy how the channels work together
 * @param deferred whether somebody else decides the channels later
 * @param routeBy deferred only: when the rules decide if nobody else has; empty means in one hour
 * @param category what kind of notification it is, such as {@code order.shipped}: rules and
 *     policies go by it
 */
public record Draft(
    Recipient recipient,
    String title,
    String message,
    List<ChannelTarget> channels,
    Map<ChannelType, String> addresses,
    Map<String, Object> metadata,
    String idempotencyKey,
    Optional<Instant> sendAt,
    Optional<Instant> expiresAt,
    Optional<Strategy> strategy,
    boolean deferred,
    Optional<Instant> routeBy,
    String category) {
  /** Keeps copies. */
  public Draft {
    Objects.requireNonNull(recipient, "recipient");
    Objects.requireNonNull(title, "title");
    Objects.requireNonNull(message, "message");
    Objects.requireNonNull(idempotencyKey, "idempotencyKey");
    Objects.requireNonNull(category, "category");
    channels = List.copyOf(channels);
    addresses = Map.copyOf(addresses);
    // Not Map.copyOf: JSON has null.
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
  }

  /** Starts a draft for this recipient; title and message are still to be given. */
  public static Builder to(Recipient recipient) {
    return new Builder(recipient);
  }

  /** Makes a {@link Draft}. */
  public static final class Builder {
    private final Recipient recipient;
    private String title = "";
    private String message = "";
    private List<ChannelTarget> channels = List.of();
    private final Map<ChannelType, String> addresses = new LinkedHashMap<>();
    private Map<String, Object> metadata = Map.of();
    private String idempotencyKey = "";
    private Instant sendAt;
    private Instant expiresAt;
    private Strategy strategy;
    private boolean deferred;
    private Instant routeBy;
    private String category = "";

    private Builder(Recipient recipient) {
      this.recipient = recipient;
    }

    /** One line of plain text, 1 to 255 characters. */
    public Builder title(String title) {
      this.title = title;
      return this;
    }

    /** The text, at most 64 KiB. */
    public Builder message(String message) {
      this.message = message;
      return this;
    }

    /** What to send through, in the order that counts for a fallback. */
    public Builder channels(ChannelTarget... channels) {
      return channels(List.of(channels));
    }

    /** What to send through, in the order that counts for a fallback. */
    public Builder channels(List<ChannelTarget> channels) {
      this.channels = List.copyOf(channels);
      return this;
    }

    /** An address that the recipient is known to have. It chooses no channel. */
    public Builder address(ChannelType channel, String address) {
      addresses.put(channel, address);
      return this;
    }

    /**
     * What to attach: a JSON object of strings, numbers, booleans, nulls, lists and maps. Integers
     * beyond 2^53 are refused, because the wire holds numbers as doubles; use strings.
     */
    public Builder metadata(Map<String, ?> metadata) {
      this.metadata = new LinkedHashMap<>(metadata);
      return this;
    }

    /** A key that follows from what is sent for, such as an order's number: see {@link Draft}. */
    public Builder idempotencyKey(String idempotencyKey) {
      this.idempotencyKey = idempotencyKey;
      return this;
    }

    /** When to start sending. */
    public Builder sendAt(Instant sendAt) {
      this.sendAt = sendAt;
      return this;
    }

    /** When to give up. */
    public Builder expiresAt(Instant expiresAt) {
      this.expiresAt = expiresAt;
      return this;
    }

    /** How the channels work together. */
    public Builder strategy(Strategy strategy) {
      this.strategy = strategy;
      return this;
    }

    /** Leaves the channels to somebody who decides later; the rules do after an hour. */
    public Builder deferred() {
      this.deferred = true;
      return this;
    }

    /** Leaves the channels to somebody who decides later; the rules do at this time. */
    public Builder deferredUntil(Instant routeBy) {
      this.deferred = true;
      this.routeBy = routeBy;
      return this;
    }

    /** What kind of notification it is, such as {@code order.shipped}. */
    public Builder category(String category) {
      this.category = category;
      return this;
    }

    /** Makes the draft. What the server would refuse is for the server to refuse. */
    public Draft build() {
      return new Draft(
          recipient,
          title,
          message,
          channels,
          addresses,
          metadata,
          idempotencyKey,
          Optional.ofNullable(sendAt),
          Optional.ofNullable(expiresAt),
          Optional.ofNullable(strategy),
          deferred,
          Optional.ofNullable(routeBy),
          category);
    }
  }
}
