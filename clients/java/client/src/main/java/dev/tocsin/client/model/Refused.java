package dev.tocsin.client.model;

import dev.tocsin.client.error.TocsinException;

/**
 * Why one draft of a batch was refused.
 *
 * @param error what {@code send} would have thrown
 */
public record Refused(TocsinException error) implements BatchResult {}
