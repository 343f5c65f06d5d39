package dev.tocsin.client;

import dev.tocsin.client.model.FeedEvent;
import dev.tocsin.client.model.Recipient;
import java.util.Objects;
import java.util.concurrent.Flow;
import java.util.concurrent.ThreadLocalRandom;

/** Gives each of its subscribers a feed of its own. */
record FeedPublisher(
    Connection connection, Settings settings, Recipient recipient, FeedOptions options)
    implements Flow.Publisher<FeedEvent> {
  @Override
  public void subscribe(Flow.Subscriber<? super FeedEvent> subscriber) {
    Objects.requireNonNull(subscriber, "subscriber");
    stream(connection, settings, recipient, options, subscriber).start();
  }

  static FeedStream stream(
      Connection connection,
      Settings settings,
      Recipient recipient,
      FeedOptions options,
      Flow.Subscriber<? super FeedEvent> subscriber) {
    Resumption resumption =
        new Resumption(
            recipient,
            options.cursor(),
            settings.reconnect(),
            settings.token().renewable(),
            () -> ThreadLocalRandom.current().nextDouble());
    // What cannot be sent is an error of whoever subscribes, now.
    resumption.request();
    return new FeedStream(
        connection,
        settings.token(),
        resumption,
        settings.silence(),
        options,
        recipient.toString(),
        subscriber);
  }
}
