package dev.tocsin.client.model;

import java.util.List;

/**
 * A notification for which rules would have decided otherwise.
 *
 * @param id of the notification
 * @param category of the notification
 * @param recipientType of its recipient
 * @param was the channels that it went by
 * @param wouldBe the channels that the rules would have chosen
 * @param rule name of the rule that matched
 */
public record BacktestExample(
    String id,
    String category,
    RecipientType recipientType,
    List<ChannelType> was,
    List<ChannelType> wouldBe,
    String rule) {}
