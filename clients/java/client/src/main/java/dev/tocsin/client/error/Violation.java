package dev.tocsin.client.error;

import java.io.Serializable;

/**
 * One bad field of a request.
 *
 * @param field its path, such as {@code addresses[0].address}
 * @param description what would be right
 */
public record Violation(String field, String description) implements Serializable {}
