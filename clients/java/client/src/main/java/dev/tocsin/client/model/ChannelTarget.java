package dev.tocsin.client.model;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * A channel to send through.
 *
 * @param channel which one
 * @param address where to; empty if the server shall look for a known one
 * @param escalateAfter how long it gets as a step of a fallback, where that differs from the other
 *     steps
 */
public record ChannelTarget(ChannelType channel, String address, Optional<Duration> escalateAfter) {
  /** Refuses nulls. */
  public ChannelTarget {
    Objects.requireNonNull(channel, "channel");
    Objects.requireNonNull(address, "address");
    Objects.requireNonNull(escalateAfter, "escalateAfter");
  }

  /** A channel whose address, if it needs one, the server knows. */
  public static ChannelTarget of(ChannelType channel) {
    return of(channel, "");
  }

  /** A channel with an address. */
  public static ChannelTarget of(ChannelType channel, String address) {
    return new ChannelTarget(channel, address, Optional.empty());
  }

  /** The recipient's live feed. */
  public static ChannelTarget websocket() {
    return of(ChannelType.WEBSOCKET);
  }

  /** An e-mail to a mailbox such as {@code ann@example.org}. */
  public static ChannelTarget email(String address) {
    return of(ChannelType.EMAIL, address);
  }

  /** A text message to a phone number such as {@code +442079460000}. */
  public static ChannelTarget sms(String address) {
    return of(ChannelType.SMS, address);
  }

  /** A Telegram message to a chat's id, or a public name such as {@code @example_channel}. */
  public static ChannelTarget telegram(String address) {
    return of(ChannelType.TELEGRAM, address);
  }

  /** The same with a time of its own before the next step of a fallback starts. */
  public ChannelTarget escalateAfter(Duration after) {
    return new ChannelTarget(channel, address, Optional.of(after));
  }
}
