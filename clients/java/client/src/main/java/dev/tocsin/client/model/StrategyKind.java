package dev.tocsin.client.model;

import java.util.List;

/**
 * How several channels work together.
 *
 * <p>Not an enum: the API's may grow, and a newer server's values come through as what they are.
 */
public final class StrategyKind extends Word {
  /** All at once. */
  public static final StrategyKind PARALLEL = new StrategyKind(1, "parallel");

  /** One after the other. */
  public static final StrategyKind FALLBACK = new StrategyKind(2, "fallback");

  private static final List<StrategyKind> VALUES = List.of(PARALLEL, FALLBACK);

  private StrategyKind(int number, String word) {
    super(number, word);
  }

  /** The values that this client knows, in the order of the API. */
  public static List<StrategyKind> values() {
    return VALUES;
  }

  /**
   * Returns the value for a word.
   *
   * @throws IllegalArgumentException if this client knows no such word
   */
  public static StrategyKind of(String word) {
    return find(VALUES, word);
  }

  /** Returns the value with this number in the API, also one that this client does not know. */
  public static StrategyKind of(int number) {
    return number > 0 && number <= VALUES.size()
        ? VALUES.get(number - 1)
        : new StrategyKind(number, stranger(number));
  }
}
