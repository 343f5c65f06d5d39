package dev.tocsin.client.model;

import java.util.List;

/**
 * What the steps of a fallback are for.
 *
 * <p>Not an enum: the API's may grow, and a newer server's values come through as what they are.
 */
public final class StrategyGoal extends Word {
  /** That the notification is read. */
  public static final StrategyGoal READ = new StrategyGoal(1, "read");

  /** That one step is sent. */
  public static final StrategyGoal SENT = new StrategyGoal(2, "sent");

  private static final List<StrategyGoal> VALUES = List.of(READ, SENT);

  private StrategyGoal(int number, String word) {
    super(number, word);
  }

  /** The values that this client knows, in the order of the API. */
  public static List<StrategyGoal> values() {
    return VALUES;
  }

  /**
   * Returns the value for a word.
   *
   * @throws IllegalArgumentException if this client knows no such word
   */
  public static StrategyGoal of(String word) {
    return find(VALUES, word);
  }

  /** Returns the value with this number in the API, also one that this client does not know. */
  public static StrategyGoal of(int number) {
    return number > 0 && number <= VALUES.size()
        ? VALUES.get(number - 1)
        : new StrategyGoal(number, stranger(number));
  }
}
