package dev.tocsin.client.model;

import java.util.List;

/**
 * A way to reach a recipient.
 *
 * <p>Not an enum: the API's may grow, and a newer server's values come through as what they are.
 */
public final class ChannelType extends Word {
  /** The recipient's live feed; needs a registered recipient. */
  public static final ChannelType WEBSOCKET = new ChannelType(1, "websocket");

  /** An e-mail. */
  public static final ChannelType EMAIL = new ChannelType(2, "email");

  /** A message from the configured Telegram bot. */
  public static final ChannelType TELEGRAM = new ChannelType(3, "telegram");

  /** A text message. */
  public static final ChannelType SMS = new ChannelType(4, "sms");

  private static final List<ChannelType> VALUES = List.of(WEBSOCKET, EMAIL, TELEGRAM, SMS);

  private ChannelType(int number, String word) {
    super(number, word);
  }

  /** The values that this client knows, in the order of the API. */
  public static List<ChannelType> values() {
    return VALUES;
  }

  /**
   * Returns the value for a word.
   *
   * @throws IllegalArgumentException if this client knows no such word
   */
  public static ChannelType of(String word) {
    return find(VALUES, word);
  }

  /** Returns the value with this number in the API, also one that this client does not know. */
  public static ChannelType of(int number) {
    return number > 0 && number <= VALUES.size()
        ? VALUES.get(number - 1)
        : new ChannelType(number, stranger(number));
  }
}
