package dev.tocsin.client.model;

/**
 * A channel that a policy took out of a decision.
 *
 * @param channel which channel
 * @param policy name of the policy
 * @param detail what about it
 */
public record Denied(ChannelType channel, String policy, String detail) {}
