package dev.tocsin.client;

import java.time.Duration;

/**
 * What calls are made with, by default or for one view of a client.
 *
 * @param token credentials
 * @param deadline how long a call may take, attempts and waits included
 * @param retry waits between the attempts of a call
 * @param reconnect waits between the streams of a subscription
 * @param silence how long nothing may come on a stream
 */
record Settings(
    Token token, Duration deadline, Backoff retry, Backoff reconnect, Duration silence) {
  static final Settings DEFAULTS =
      new Settings(
          Token.NONE,
          Duration.ofSeconds(10),
          Backoff.CALLS,
          Backoff.STREAMS,
          Duration.ofSeconds(60));

  /** Refuses times that are none. */
  Settings {
    checkTime("deadline", deadline);
    checkTime("silence", silence);
  }

  private static void checkTime(String name, Duration time) {
    if (time.isNegative() || time.isZero() || time.compareTo(Duration.ofDays(1)) > 0) {
      throw new IllegalArgumentException(
          name + " is " + time + ": give more than 0, and at most a day");
    }
  }

  Settings withToken(Token token) {
    return new Settings(token, deadline, retry, reconnect, silence);
  }

  Settings withDeadline(Duration deadline) {
    return new Settings(token, deadline, retry, reconnect, silence);
  }

  Settings withRetry(Backoff retry) {
    return new Settings(token, deadline, retry, reconnect, silence);
  }

  Settings withReconnect(Backoff reconnect) {
    return new Settings(token, deadline, retry, reconnect, silence);
  }

  Settings withSilence(Duration silence) {
    return new Settings(token, deadline, retry, reconnect, silence);
  }
}
