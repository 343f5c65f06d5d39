package dev.tocsin.client.model;

import java.util.List;
import java.util.Set;

/**
 * As whom a caller is known, and what its credentials allow.
 *
 * @param name of the token; empty on a server that asks for no credentials
 * @param scopes of the token, sorted
 * @param rpcs full names of the RPCs that may be called at all, such as {@code
 *     tocsin.v1.NotificationService/Route}
 */
public record Caller(String name, List<String> scopes, Set<String> rpcs) {}
