package dev.tocsin.client.model;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * How one registered recipient can be reached.
 *
 * @param recipient whose contact; one that is put with an external id shows it
 * @param addresses by channel
 * @param locale language and region as a BCP 47 tag, such as {@code pt-BR}; empty if not known
 * @param timeZone a name of the IANA database, such as {@code Europe/Lisbon}; empty if not known
 * @param updatedAt when it was last put; empty in one that is to be put
 */
public record Contact(
    Recipient recipient,
    Map<ChannelType, String> addresses,
    String locale,
    String timeZone,
    Optional<Instant> updatedAt) {
  /** Keeps a copy of the addresses. */
  public Contact {
    addresses = Map.copyOf(addresses);
  }

  /** A contact to be put. */
  public static Contact of(Recipient recipient, Map<ChannelType, String> addresses) {
    return new Contact(recipient, addresses, "", "", Optional.empty());
  }

  /** The same with a language and region, such as {@code pt-BR}. */
  public Contact withLocale(String locale) {
    return new Contact(recipient, addresses, locale, timeZone, updatedAt);
  }

  /** The same with a time zone, such as {@code Europe/Lisbon}. */
  public Contact withTimeZone(String timeZone) {
    return new Contact(recipient, addresses, locale, timeZone, updatedAt);
  }
}
