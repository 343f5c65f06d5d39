// The same calls as futures, and a feed as a publisher.

// quote: futures
import dev.tocsin.client.AsyncTocsinClient;
import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.RecipientType;

class Futures {
  public static void main(String[] args) {
    String server = System.getenv().getOrDefault("TOCSIN_SERVER", "127.0.0.1:50051");
    try (TocsinClient tocsin = TocsinClient.connect(server)) {
      AsyncTocsinClient async = tocsin.async();
      Draft draft =
          Draft.to(Recipient.unregistered(RecipientType.GUEST))
              .title("Your code")
              .message("824193")
              .channels(ChannelTarget.sms("+15550100"))
              .build();
      async
          .send(draft)
          .thenCompose(sent -> async.get(sent.notification().id()))
          .thenAccept(stored -> System.out.println(stored.title() + " is " + stored.status()))
          .join();
    }
  }
}
// end of quote
