// Sends a thousand notifications without waiting for each.

// quote: bulk
import dev.tocsin.client.BulkSender;
import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.RecipientType;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

class SendInBulk {
  public static void main(String[] args) {
    String server = System.getenv().getOrDefault("TOCSIN_SERVER", "127.0.0.1:50051");
    List<CompletableFuture<Accepted>> results = new ArrayList<>();
    try (TocsinClient tocsin = TocsinClient.connect(server);
        BulkSender sender = tocsin.bulkSender()) {
      for (int order = 1; order <= 1000; order++) {
        results.add(
            sender.send(
                Draft.to(Recipient.external(RecipientType.USER, "buyer " + order))
                    .title("Your order has shipped")
                    .message("It arrives on Friday.")
                    .channels(ChannelTarget.websocket())
                    .idempotencyKey("order-" + order + "-shipped")
                    .build()));
      }
    } // closing the sender waits for the answers
    long stored = results.stream().filter(result -> !result.isCompletedExceptionally()).count();
    System.out.println(stored + " of " + results.size() + " are stored");
  }
}
// end of quote
