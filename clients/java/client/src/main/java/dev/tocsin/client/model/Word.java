package dev.tocsin.client.model;

import java.util.List;
import java.util.stream.Collectors;

/** A value of one of the API's enumerations. Compare with equals. */
public abstract sealed class Word
    permits AttemptOutcome,
        ChannelType,
        DecidedBy,
        RecipientType,
        Status,
        StrategyGoal,
        StrategyKind {
  private final int number;
  private final String word;

  Word(int number, String word) {
    this.number = number;
    this.word = word;
  }

  /** The value's number in the API. */
  public final int number() {
    return number;
  }

  /**
   * The word for it, in lower case, such as {@code potential_customer}; of a value that this client
   * does not know its number, such as {@code unknown_9}.
   */
  public final String word() {
    return word;
  }

  @Override
  public final boolean equals(Object other) {
    return other != null && other.getClass() == getClass() && ((Word) other).number == number;
  }

  @Override
  public final int hashCode() {
    return number;
  }

  /** The word. */
  @Override
  public final String toString() {
    return word;
  }

  static String stranger(int number) {
    return number == 0 ? "unspecified" : "unknown_" + number;
  }

  static <W extends Word> W find(List<W> values, String word) {
    for (W value : values) {
      if (value.word().equals(word)) {
        return value;
      }
    }
    String words = values.stream().map(Word::word).collect(Collectors.joining(", "));
    throw new IllegalArgumentException("'" + word + "' is not one of " + words);
  }
}
