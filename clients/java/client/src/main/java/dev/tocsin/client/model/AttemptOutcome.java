package dev.tocsin.client.model;

import java.util.List;

/**
 * How an attempt ended, as far as anybody can know.
 *
 * <p>Not an enum: the API's may grow, and a newer server's values come through as what they are.
 */
public final class AttemptOutcome extends Word {
  /** The provider accepted the message. */
  public static final AttemptOutcome ACCEPTED = new AttemptOutcome(1, "accepted");

  /** It was not accepted, and is retried. */
  public static final AttemptOutcome TRANSIENT = new AttemptOutcome(2, "transient");

  /** Too much is sent at the moment: it is retried, and does not count as an attempt. */
  public static final AttemptOutcome THROTTLED = new AttemptOutcome(3, "throttled");

  /** It was not accepted and never will be, or the server ended the channel. */
  public static final AttemptOutcome PERMANENT = new AttemptOutcome(4, "permanent");

  /** The line broke after the content was handed over: it may have been accepted. */
  public static final AttemptOutcome UNKNOWN = new AttemptOutcome(5, "unknown");

  private static final List<AttemptOutcome> VALUES =
      List.of(ACCEPTED, TRANSIENT, THROTTLED, PERMANENT, UNKNOWN);

  private AttemptOutcome(int number, String word) {
    super(number, word);
  }

  /** The values that this client knows, in the order of the API. */
  public static List<AttemptOutcome> values() {
    return VALUES;
  }

  /**
   * Returns the value for a word.
   *
   * @throws IllegalArgumentException if this client knows no such word
   */
  public static AttemptOutcome of(String word) {
    return find(VALUES, word);
  }

  /** Returns the value with this number in the API, also one that this client does not know. */
  public static AttemptOutcome of(int number) {
    return number > 0 && number <= VALUES.size()
        ? VALUES.get(number - 1)
        : new AttemptOutcome(number, stranger(number));
  }
}
