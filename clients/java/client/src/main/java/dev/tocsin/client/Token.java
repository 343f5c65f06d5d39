package dev.tocsin.client;

import io.grpc.Metadata;
import java.util.function.Supplier;

/**
 * Credentials that travel with calls.
 *
 * @param current gives the token, asked for each attempt of a call and each stream
 * @param renewable whether the next one asked for may be another
 */
record Token(Supplier<String> current, boolean renewable) {
  static final Token NONE = new Token(() -> "", false);

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  static Token fixed(String token) {
    return new Token(() -> token, false);
  }

  Metadata headers() {
    Metadata headers = new Metadata();
    addTo(headers);
    return headers;
  }

  void addTo(Metadata headers) {
    String token = current.get();
    if (token != null && !token.isEmpty()) {
      if (!token.chars().allMatch(letter -> letter > ' ' && letter < 0x7f)) {
        // Such as a file's last line break. The token itself is nothing to show.
        throw new IllegalArgumentException(
            "the token has spaces, line breaks or letters that are not ASCII: strip it");
      }
      headers.put(AUTHORIZATION, "Bearer " + token);
    }
  }
}
