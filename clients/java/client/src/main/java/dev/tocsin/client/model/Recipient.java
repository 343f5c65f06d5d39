package dev.tocsin.client.model;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Locale;
import java.util.Objects;
import java.util.UUID;

/**
 * Whom a notification is for.
 *
 * <p>Whose id is no UUID has an external id, anything of 1 to 255 characters. The id then follows
 * from it, as it does in the server and in the clients of other languages, and the two are one and
 * the same recipient: {@code Recipient.external(USER, "42")} equals {@code
 * Recipient.user("d7e85231-8203-5a52-b1c5-50054fd1feb4")}.
 *
 * @param type which of the callers' tables the id belongs to
 * @param id a UUID; empty for somebody who is not registered, whom only addresses reach
 * @param externalId what the id follows from; empty if it follows from nothing
 */
public record Recipient(RecipientType type, String id, String externalId) {
  /** The namespace of the ids that follow from external ones, as the API names it. */
  public static final UUID NAMESPACE = UUID.fromString("168e5f94-48b9-5d76-bc1d-bb905714ad3f");

  /** Comes before an external id in text such as {@code user:ext:42}. */
  private static final String EXTERNAL = "ext:";

  /**
   * Derives the id from the external id.
   *
   * @throws IllegalArgumentException if both are given and name two recipients
   */
  public Recipient {
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(externalId, "externalId");
    id = id.toLowerCase(Locale.ROOT);
    // Of a type that this client does not know, the word is not known either: the server's id
    // stands.
    if (!externalId.isEmpty() && RecipientType.values().contains(type)) {
      String derived = derive(type, externalId).toString();
      if (!id.isEmpty() && !id.equals(derived)) {
        throw new IllegalArgumentException(
            "id and externalId name two recipients: give one of them");
      }
      id = derived;
    }
  }

  /** A registered user. */
  public static Recipient user(String id) {
    return of(RecipientType.USER, id);
  }

  /** A registered user. */
  public static Recipient user(UUID id) {
    return user(id.toString());
  }

  /** A registered recipient of any type. */
  public static Recipient of(RecipientType type, String id) {
    return new Recipient(type, id, "");
  }

  /** A registered recipient whose id is no UUID. */
  public static Recipient external(RecipientType type, String externalId) {
    if (externalId.isEmpty()) {
      throw new IllegalArgumentException("externalId is empty: give 1 to 255 characters");
    }
    return new Recipient(type, "", externalId);
  }

  /** Somebody who is not registered: addresses reach them, and they have no feed. */
  public static Recipient unregistered(RecipientType type) {
    return new Recipient(type, "", "");
  }

  /**
   * Reads text such as {@code user:0190a5d0-…}, {@code user:ext:42} or {@code guest}, as {@link
   * #toString} writes it.
   *
   * @throws IllegalArgumentException if the type is no word of {@link RecipientType}
   */
  public static Recipient parse(String text) {
    int colon = text.indexOf(':');
    RecipientType type = RecipientType.of(colon < 0 ? text : text.substring(0, colon));
    String rest = colon < 0 ? "" : text.substring(colon + 1);
    return rest.startsWith(EXTERNAL)
        ? external(type, rest.substring(EXTERNAL.length()))
        : of(type, rest);
  }

  /** Whether there is an id, and so a feed and a contact. */
  public boolean isRegistered() {
    return !id.isEmpty();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Recipient that && type == that.type && id.equals(that.id);
  }

  @Override
  public int hashCode() {
    return Objects.hash(type, id);
  }

  @Override
  public String toString() {
    if (!externalId.isEmpty()) {
      return type.word() + ":" + EXTERNAL + externalId;
    }
    return id.isEmpty() ? type.word() : type.word() + ":" + id;
  }

  /** UUIDv5, RFC 9562: the JDK itself only makes version 3. */
  private static UUID derive(RecipientType type, String externalId) {
    byte[] name = (type.word() + ":" + externalId).getBytes(StandardCharsets.UTF_8);
    ByteBuffer namespace =
        ByteBuffer.allocate(16)
            .putLong(NAMESPACE.getMostSignificantBits())
            .putLong(NAMESPACE.getLeastSignificantBits());
    MessageDigest sha1;
    try {
      sha1 = MessageDigest.getInstance("SHA-1");
    } catch (NoSuchAlgorithmException impossible) {
      throw new AssertionError("every Java platform has SHA-1", impossible);
    }
    sha1.update(namespace.array());
    ByteBuffer hash = ByteBuffer.wrap(sha1.digest(name));
    long high = hash.getLong() & 0xFFFFFFFFFFFF0FFFL | 0x5000L;
    long low = hash.getLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L;
    return new UUID(high, low);
  }
}
