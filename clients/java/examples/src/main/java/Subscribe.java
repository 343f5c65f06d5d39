// Follows a feed, and goes on where it was when it is started again.

// quote: subscribe
import dev.tocsin.client.Subscription;
import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.model.FeedEvent;
import dev.tocsin.client.model.Recipient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

class Subscribe {
  private static final Path PLACE = Path.of("cursor");

  public static void main(String[] args) throws IOException {
    String server = System.getenv().getOrDefault("TOCSIN_SERVER", "127.0.0.1:50051");
    Recipient user = Recipient.user("0190a5d0-0000-7000-8000-000000000001");
    String cursor = Files.exists(PLACE) ? Files.readString(PLACE) : "";
    try (TocsinClient tocsin = TocsinClient.connect(server);
        Subscription feed = tocsin.subscribe(user, cursor)) {
      for (FeedEvent event : feed) {
        if (event instanceof FeedEvent.Subscribed start && !start.recovered()) {
          System.out.println("too long away: list the feed again");
        } else if (event instanceof FeedEvent.Changed changed) {
          System.out.println(
              changed.notification().title() + " (" + changed.unreadCount() + " unread)");
        }
        keep(event.cursor());
      }
    }
  }

  /** Once the event is dealt with; whole or not at all, whenever this program ends. */
  private static void keep(String cursor) throws IOException {
    Path written = Files.writeString(Path.of("cursor.new"), cursor);
    Files.move(written, PLACE, StandardCopyOption.ATOMIC_MOVE);
  }
}
// end of quote
