package dev.tocsin.client.model;

/**
 * How often a channel would be used where it was not, and the reverse.
 *
 * @param channel which channel
 * @param added for how many notifications it would have been chosen, and was not
 * @param removed for how many it was chosen, and would not have been
 */
public record ChannelChange(ChannelType channel, int added, int removed) {}
