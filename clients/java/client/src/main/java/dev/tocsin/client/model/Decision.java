package dev.tocsin.client.model;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * One decision about a notification.
 *
 * @param decidedAt when
 * @param by who
 * @param name of the caller's token, of the rule or policy; of an escalation why it came
 * @param channels what was chosen and allowed; addresses are masked
 * @param denied what was chosen and kept from being used
 * @param reason the decider's words, or one of the server's
 * @param decider which program decided
 */
public record Decision(
    Optional<Instant> decidedAt,
    DecidedBy by,
    String name,
    List<ChannelTarget> channels,
    List<Denied> denied,
    String reason,
    String decider) {}
