// Decides by which channels deferred notifications go out.

// quote: decide
import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.TocsinClientBuilder;
import dev.tocsin.client.error.FailedPreconditionException;
import dev.tocsin.client.model.ChannelType;
import dev.tocsin.client.model.LeaseRequest;
import dev.tocsin.client.model.Route;
import dev.tocsin.client.model.Undecided;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

class Decide {
  private static final List<ChannelType> PREFERRED =
      List.of(ChannelType.TELEGRAM, ChannelType.EMAIL, ChannelType.SMS);

  /**
   * Among what is allowed: the feed, and beside it the first of our preferences if much is unread.
   */
  private static List<ChannelType> channelsFor(Undecided one) {
    Stream<ChannelType> feed = Stream.of(ChannelType.WEBSOCKET).filter(one.allowed()::contains);
    Stream<ChannelType> other = PREFERRED.stream().filter(one.allowed()::contains).limit(1);
    boolean isEnough =
        one.allowed().contains(ChannelType.WEBSOCKET) && one.context().unreadCount() < 3;
    return (isEnough ? feed : Stream.concat(feed, other)).toList();
  }

  public static void main(String[] args) {
    String server = System.getenv().getOrDefault("TOCSIN_SERVER", "127.0.0.1:50051");
    TocsinClientBuilder builder = TocsinClient.builder(server);
    if (System.getenv("TOCSIN_TOKEN") != null) {
      builder.token(System.getenv("TOCSIN_TOKEN"));
    }
    LeaseRequest lease = LeaseRequest.all().withMaxWait(Duration.ofSeconds(30));
    try (TocsinClient tocsin = builder.build()) {
      while (true) {
        // Returns as soon as there is something; others who run this program get what we do not.
        for (Undecided one : tocsin.leaseUndecided(lease)) {
          decide(tocsin, one);
        }
      }
    }
  }

  private static void decide(TocsinClient tocsin, Undecided one) {
    List<ChannelType> chosen = channelsFor(one);
    Route route =
        chosen.isEmpty() ? Route.nothing() : Route.through(chosen.toArray(ChannelType[]::new));
    String title = one.notification().title();
    try {
      tocsin.route(
          one.notification().id(),
          route
              .withLease(one.leaseToken())
              .because(one.context().unreadCount() + " unread")
              .by("Decide.java 1"));
      System.out.println(title + " -> " + chosen);
    } catch (FailedPreconditionException refused) {
      // Cancelled meanwhile, or the lease was over: somebody else decides.
      System.out.println(title + " -> " + refused.reason());
    }
  }
}
// end of quote
