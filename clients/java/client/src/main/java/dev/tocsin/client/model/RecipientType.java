package dev.tocsin.client.model;

import java.util.List;

/**
 * Which of the callers' own tables a recipient's id belongs to.
 *
 * <p>Not an enum: the API's may grow, and a newer server's values come through as what they are.
 */
public final class RecipientType extends Word {
  /** A registered user. */
  public static final RecipientType USER = new RecipientType(1, "user");

  /** A guest. */
  public static final RecipientType GUEST = new RecipientType(2, "guest");

  /** Somebody who may become a customer. */
  public static final RecipientType POTENTIAL_CUSTOMER = new RecipientType(3, "potential_customer");

  /** A partner. */
  public static final RecipientType PARTNER = new RecipientType(4, "partner");

  /** Anybody else. */
  public static final RecipientType OTHER = new RecipientType(5, "other");

  private static final List<RecipientType> VALUES =
      List.of(USER, GUEST, POTENTIAL_CUSTOMER, PARTNER, OTHER);

  private RecipientType(int number, String word) {
    super(number, word);
  }

  /** The values that this client knows, in the order of the API. */
  public static List<RecipientType> values() {
    return VALUES;
  }

  /**
   * Returns the value for a word.
   *
   * @throws IllegalArgumentException if this client knows no such word
   */
  public static RecipientType of(String word) {
    return find(VALUES, word);
  }

  /** Returns the value with this number in the API, also one that this client does not know. */
  public static RecipientType of(int number) {
    return number > 0 && number <= VALUES.size()
        ? VALUES.get(number - 1)
        : new RecipientType(number, stranger(number));
  }
}
