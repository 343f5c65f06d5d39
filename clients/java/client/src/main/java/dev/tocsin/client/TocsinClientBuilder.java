package dev.tocsin.client;

import io.grpc.ManagedChannelBuilder;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Describes a {@link TocsinClient}. */
public final class TocsinClientBuilder {
  private final List<String> addresses;
  private Tls tls;
  private Settings settings = Settings.DEFAULTS;
  private boolean hasToken;
  private Consumer<ManagedChannelBuilder<?>> adjust = builder -> {};

  TocsinClientBuilder(List<String> addresses) {
    if (addresses.isEmpty()) {
      throw new IllegalArgumentException("give an address, such as 127.0.0.1:50051");
    }
    addresses.forEach(Target::check);
    this.addresses = addresses;
  }

  /** Protects the connection. Without it everything travels in the clear. */
  public TocsinClientBuilder tls(Tls tls) {
    this.tls = tls;
    return this;
  }

  /** A bearer token that travels with each call. */
  public TocsinClientBuilder token(String token) {
    return token(Token.fixed(token));
  }

  /**
   * Gives the bearer token, and is asked for each attempt of a call and each stream. It may block;
   * what it throws fails the call, or ends the subscription.
   */
  public TocsinClientBuilder token(Supplier<String> token) {
    return token(new Token(token, true));
  }

  private TocsinClientBuilder token(Token token) {
    settings = settings.withToken(token);
    hasToken = true;
    return this;
  }

  /**
   * How long a call may take, attempts and waits included: 10 s unless said otherwise, at most a
   * day.
   */
  public TocsinClientBuilder deadline(Duration deadline) {
    settings = settings.withDeadline(deadline);
    return this;
  }

  /** Waits between the attempts of a call. */
  public TocsinClientBuilder retry(Backoff retry) {
    settings = settings.withRetry(retry);
    return this;
  }

  /** Waits between the streams of a subscription. */
  public TocsinClientBuilder reconnect(Backoff reconnect) {
    settings = settings.withReconnect(reconnect);
    return this;
  }

  /** How long nothing may come on a stream before it counts as dead: 60 s unless said otherwise. */
  public TocsinClientBuilder silence(Duration silence) {
    settings = settings.withSilence(silence);
    return this;
  }

  /** Adjusts gRPC's own channel, after all that the client itself sets. */
  public TocsinClientBuilder channel(Consumer<ManagedChannelBuilder<?>> adjust) {
    this.adjust = adjust;
    return this;
  }

  /**
   * Makes the client, which connects when it is first used.
   *
   * @throws IllegalArgumentException if a token would travel unencrypted to another machine
   */
  public TocsinClient build() {
    if (hasToken) {
      Target.checkToken(addresses, tls);
    }
    return new TocsinClient(new Connection(addresses, tls, adjust), settings);
  }
}
