package dev.tocsin.client.model;

import java.util.List;

/**
 * How far a channel, or a notification as a whole, has come.
 *
 * <p>Not an enum: the API's may grow, and a newer server's values come through as what they are.
 */
public final class Status extends Word {
  /** Still in the queue: waiting, being sent, or to be retried. */
  public static final Status PENDING = new Status(1, "pending");

  /** Handed over. It does not say that the recipient read it. */
  public static final Status SENT = new Status(2, "sent");

  /** Given up; a retry revives it. */
  public static final Status FAILED = new Status(3, "failed");

  private static final List<Status> VALUES = List.of(PENDING, SENT, FAILED);

  private Status(int number, String word) {
    super(number, word);
  }

  /** The values that this client knows, in the order of the API. */
  public static List<Status> values() {
    return VALUES;
  }

  /**
   * Returns the value for a word.
   *
   * @throws IllegalArgumentException if this client knows no such word
   */
  public static Status of(String word) {
    return find(VALUES, word);
  }

  /** Returns the value with this number in the API, also one that this client does not know. */
  public static Status of(int number) {
    return number > 0 && number <= VALUES.size()
        ? VALUES.get(number - 1)
        : new Status(number, stranger(number));
  }
}
