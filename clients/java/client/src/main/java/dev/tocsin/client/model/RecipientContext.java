package dev.tocsin.client.model;

import java.time.Instant;
import java.util.Map;

/**
 * What a decider may go by.
 *
 * @param locale from the contact; empty if not known
 * @param timeZone from the contact; empty if not known
 * @param localTime the time of day where the recipient is, in ISO 8601 with its offset
 * @param unreadCount how many notifications of the feed are unread
 * @param lastSent when something was last sent through each channel
 */
public record RecipientContext(
    String locale,
    String timeZone,
    String localTime,
    long unreadCount,
    Map<ChannelType, Instant> lastSent) {}
