package dev.tocsin.client.model;

import dev.tocsin.client.error.TocsinException;
import java.util.List;
import java.util.Optional;

/**
 * What would be decided about a notification.
 *
 * @param decision the decision
 * @param trials the rules in the order in which they were tried
 * @param refusal the error with which send would fail
 */
public record Simulation(
    Decision decision, List<RuleTrial> trials, Optional<TocsinException> refusal) {}
