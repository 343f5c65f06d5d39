// Sends one notification.

// quote: send
import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.Recipient;
import java.util.Map;

class Send {
  public static void main(String[] args) {
    String server = System.getenv().getOrDefault("TOCSIN_SERVER", "127.0.0.1:50051");
    try (TocsinClient tocsin = TocsinClient.connect(server)) {
      Accepted sent =
          tocsin.send(
              Draft.to(Recipient.user("0190a5d0-0000-7000-8000-000000000001"))
                  .title("Your order has shipped")
                  .message("It arrives on Friday.")
                  .channels(ChannelTarget.websocket(), ChannelTarget.email("ann@example.org"))
                  .metadata(Map.of("order_id", "ABC123"))
                  .idempotencyKey("order-ABC123-shipped")
                  .build());
      String what = sent.duplicate() ? "was stored before" : "is stored";
      System.out.println(sent.notification().id() + " " + what);
    }
  }
}
// end of quote
