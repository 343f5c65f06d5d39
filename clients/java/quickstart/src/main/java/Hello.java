import dev.tocsin.client.Subscription;
import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.FeedEvent;
import dev.tocsin.client.model.Recipient;
import java.util.UUID;

class Hello {
  public static void main(String[] args) {
    String server = System.getenv().getOrDefault("TOCSIN_SERVER", "127.0.0.1:50051");
    Recipient me = Recipient.user(UUID.randomUUID());
    try (TocsinClient tocsin = TocsinClient.connect(server);
        Subscription feed = tocsin.subscribe(me)) {
      tocsin.send(
          Draft.to(me)
              .title("Hello")
              .message("from Java")
              .channels(ChannelTarget.websocket())
              .build());
      for (FeedEvent event : feed) {
        if (event instanceof FeedEvent.Changed changed) {
          System.out.println("received: " + changed.notification().title());
          return;
        }
      }
    }
  }
}
