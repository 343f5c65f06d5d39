package dev.tocsin.client.model;

/**
 * How a rule fared with a notification.
 *
 * @param rule its name
 * @param matched whether its condition held
 * @param why why it did not match
 */
public record RuleTrial(String rule, boolean matched, String why) {}
