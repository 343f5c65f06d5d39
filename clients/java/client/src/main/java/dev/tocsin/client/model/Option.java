package dev.tocsin.client.model;

import java.util.List;

/**
 * A channel that a decider may choose, or why it may not.
 *
 * @param channel which channel
 * @param allowed whether it can be chosen now
 * @param deniedBy names of the policies that deny it, or one of {@code NOT_CONFIGURED}, {@code
 *     ADDRESS_UNKNOWN} and {@code RECIPIENT_NOT_REGISTERED}
 * @param maskedAddress where it would go to, mostly hidden
 */
public record Option(
    ChannelType channel, boolean allowed, List<String> deniedBy, String maskedAddress) {}
