package dev.tocsin.client.model;

import java.util.List;

/**
 * Who decided about a notification's channels.
 *
 * <p>Not an enum: the API's may grow, and a newer server's values come through as what they are.
 */
public final class DecidedBy extends Word {
  /** The caller of send, who named the channels. */
  public static final DecidedBy CALLER = new DecidedBy(1, "caller");

  /** A routing rule, when the notification was sent. */
  public static final DecidedBy RULE = new DecidedBy(2, "rule");

  /** A caller of route. */
  public static final DecidedBy DECIDER = new DecidedBy(3, "decider");

  /** A routing rule, because nobody else had decided in time. */
  public static final DecidedBy DEADLINE = new DecidedBy(4, "deadline");

  /** A policy, which forbade afterwards what had been decided, or put it off. */
  public static final DecidedBy POLICY = new DecidedBy(5, "policy");

  /** The next step of a fallback. */
  public static final DecidedBy ESCALATION = new DecidedBy(6, "escalation");

  private static final List<DecidedBy> VALUES =
      List.of(CALLER, RULE, DECIDER, DEADLINE, POLICY, ESCALATION);

  private DecidedBy(int number, String word) {
    super(number, word);
  }

  /** The values that this client knows, in the order of the API. */
  public static List<DecidedBy> values() {
    return VALUES;
  }

  /**
   * Returns the value for a word.
   *
   * @throws IllegalArgumentException if this client knows no such word
   */
  public static DecidedBy of(String word) {
    return find(VALUES, word);
  }

  /** Returns the value with this number in the API, also one that this client does not know. */
  public static DecidedBy of(int number) {
    return number > 0 && number <= VALUES.size()
        ? VALUES.get(number - 1)
        : new DecidedBy(number, stranger(number));
  }
}
