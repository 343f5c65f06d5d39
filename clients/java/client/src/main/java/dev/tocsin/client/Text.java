package dev.tocsin.client;

/** Text on its way to the wire. */
final class Text {
  private Text() {}

  /**
   * Returns the text if it is whole. Half a surrogate pair, such as a text cut in the middle of an
   * emoji has, would travel as a question mark without a word.
   */
  static String whole(String name, String text) {
    for (int i = 0; i < text.length(); i++) {
      char unit = text.charAt(i);
      if (!Character.isSurrogate(unit)) {
        continue;
      }
      if (Character.isHighSurrogate(unit)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else {
        throw new IllegalArgumentException(
            name + " has half a character (an unpaired surrogate) at " + i);
      }
    }
    return text;
  }
}
