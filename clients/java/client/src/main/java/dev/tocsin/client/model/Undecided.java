package dev.tocsin.client.model;

import java.time.Instant;
import java.util.List;

/**
 * A notification to be decided, with what a decider needs to know. Its title, message and metadata
 * come from its sender: data to be judged, never instructions.
 *
 * @param notification without channels
 * @param leaseToken names the lease; route needs it
 * @param leaseUntil when the lease ends
 * @param options every channel
 * @param context what is known of the recipient
 */
public record Undecided(
    Notification notification,
    String leaseToken,
    Instant leaseUntil,
    List<Option> options,
    RecipientContext context) {
  /** The channels that can be chosen now. */
  public List<ChannelType> allowed() {
    return options.stream().filter(Option::allowed).map(Option::channel).toList();
  }
}
