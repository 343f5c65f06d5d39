package dev.tocsin.conformance;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.tocsin.client.Backoff;
import dev.tocsin.client.FeedOptions;
import dev.tocsin.client.Subscription;
import dev.tocsin.client.Tls;
import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.TocsinClientBuilder;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.model.ChannelType;
import dev.tocsin.client.model.ContactQuery;
import dev.tocsin.client.model.FeedEvent;
import dev.tocsin.client.model.MarkedRead;
import dev.tocsin.client.model.Notification;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.RecipientType;
import dev.tocsin.client.model.UnreadCount;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;

/**
 * The driver of the conformance suite for the Java client: operations as JSON lines in, answers as
 * JSON lines out. {@code clients/conformance/README.md} describes the protocol.
 */
public final class Driver {
  /** Cycles of churn before anything is counted. */
  private static final int WARM_UP = 50;

  /** What an operation does. */
  private interface Operation {
    Map<String, Object> carryOut(Arguments given) throws Exception;
  }

  private final Map<String, TocsinClient> clients = new LinkedHashMap<>();
  private final Map<String, Subscription> subscriptions = new LinkedHashMap<>();
  private final Map<String, List<TocsinException>> interruptions = new LinkedHashMap<>();
  private final Bulk bulk = new Bulk();
  private final Map<String, Operation> operations = new LinkedHashMap<>();

  private Driver() {
    aboutClients();
    aboutNotifications();
    aboutDecisions();
    aboutContacts();
    aboutFeeds();
    aboutBulk();
  }

  /** Answers until the input ends. */
  public static void main(String[] arguments) throws IOException {
    PrintStream output = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Driver driver = new Driver();
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      output.println(Answers.line(driver.answer(JsonParser.parseString(line).getAsJsonObject())));
    }
    driver.close();
  }

  private void close() {
    subscriptions.values().forEach(Subscription::close);
    bulk.close();
    clients.values().forEach(TocsinClient::close);
  }

  private Map<String, Object> answer(JsonObject request) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("call", request.get("call").getAsLong());
    String name = request.get("op").getAsString();
    Operation operation = operations.get(name);
    if (operation == null) {
      answer.put("unsupported", "no operation " + name);
      return answer;
    }
    try {
      answer.put("ok", operation.carryOut(new Arguments(request)));
    } catch (CompletionException failed) {
      answer.put("error", Answers.failure(failed.getCause()));
    } catch (Exception failed) {
      answer.put("error", Answers.failure(failed));
    }
    return answer;
  }

  private TocsinClient client(Arguments given) {
    TocsinClient client = clients.get(given.text("client"));
    Optional<Duration> deadline = given.seconds("deadline");
    return deadline.isPresent() ? client.withDeadline(deadline.get()) : client;
  }

  private void aboutClients() {
    operations.put(
        "hello",
        given -> Map.of("language", "java", "version", System.getProperty("java.version")));
    operations.put("open", this::open);
    operations.put(
        "close",
        given -> {
          clients.get(given.text("client")).close();
          return Map.of();
        });
  }

  private Map<String, Object> open(Arguments given) throws IOException {
    TocsinClientBuilder builder = TocsinClient.builder(given.text("address"));
    given.seconds("deadline").ifPresent(builder::deadline);
    given.seconds("silence").ifPresent(builder::silence);
    if (given.has("reconnect")) {
      Arguments waits = given.inner("reconnect");
      builder.reconnect(
          new Backoff(
              waits.seconds("initial").orElse(Backoff.STREAMS.initial()),
              Backoff.STREAMS.factor(),
              waits.seconds("cap").orElse(Backoff.STREAMS.cap())));
    }
    if (given.has("tls")) {
      builder.tls(tls(given.inner("tls")));
    }
    if (given.has("tokens")) {
      builder.token(inTurn(given.texts("tokens")));
    } else if (given.has("token")) {
      builder.token(given.text("token"));
    }
    TocsinClient old = clients.put(given.text("client"), builder.build());
    if (old != null) {
      old.close();
    }
    return Map.of();
  }

  private static Tls tls(Arguments given) throws IOException {
    Tls tls = given.has("ca") ? Tls.trusting(Path.of(given.text("ca"))) : Tls.system();
    if (given.has("certificate")) {
      tls = tls.withCertificate(Path.of(given.text("certificate")), Path.of(given.text("key")));
    }
    return given.has("server_name") ? tls.withServerName(given.text("server_name")) : tls;
  }

  /** Gives tokens one after the other, and the last one for ever. */
  private static Supplier<String> inTurn(List<String> tokens) {
    Deque<String> left = new ArrayDeque<>(tokens);
    return () -> {
      synchronized (left) {
        return left.size() > 1 ? left.remove() : left.peek();
      }
    };
  }

  private void aboutNotifications() {
    operations.put("send", given -> Answers.members(client(given).send(given.draft())));
    operations.put(
        "send_batch",
        given ->
            Map.of(
                "results",
                client(given)
                    .sendBatch(given.several("requests").stream().map(Arguments::draft).toList())
                    .stream()
                    .map(Answers::result)
                    .toList()));
    operations.put("get", given -> notification(client(given).get(given.text("id"))));
    operations.put("cancel", given -> notification(client(given).cancel(given.text("id"))));
    operations.put(
        "retry",
        given ->
            notification(
                client(given)
                    .retry(
                        given.text("id"),
                        given.channelTypes("channels").toArray(ChannelType[]::new))));
    operations.put("list", given -> Answers.members(client(given).list(given.query())));
    operations.put(
        "list_all",
        given ->
            Map.of(
                "ids", client(given).notifications(given.query()).map(Notification::id).toList()));
    operations.put("mark_read", given -> Answers.members(markRead(given)));
    operations.put(
        "count_unread",
        given -> {
          UnreadCount unread = client(given).countUnread(given.recipient("recipient"));
          return Map.of("unread_count", unread.count(), "cursor", unread.cursor());
        });
  }

  private MarkedRead markRead(Arguments given) {
    return given.has("recipient")
        ? client(given).markFeedRead(given.recipient("recipient"), given.text("up_to_cursor"))
        : client(given).markRead(given.texts("ids"));
  }

  private static Map<String, Object> notification(Notification notification) {
    return Map.of("notification", Answers.plain(notification));
  }

  private void aboutDecisions() {
    for (String name : List.of("route", "hold", "suppress")) {
      operations.put(
          name, given -> notification(client(given).route(given.text("id"), given.route())));
    }
    operations.put(
        "explain",
        given -> Map.of("decisions", Answers.plain(client(given).explain(given.text("id")))));
    operations.put(
        "lease_undecided",
        given -> Map.of("undecided", Answers.plain(client(given).leaseUndecided(given.lease()))));
  }

  private void aboutContacts() {
    operations.put(
        "put_contact",
        given -> Map.of("contact", Answers.plain(client(given).putContact(given.contact()))));
    operations.put(
        "get_contact",
        given ->
            Map.of(
                "contact", Answers.plain(client(given).getContact(given.recipient("recipient")))));
    operations.put(
        "delete_contact",
        given -> {
          client(given).deleteContact(given.recipient("recipient"));
          return Map.of();
        });
    operations.put(
        "list_contacts",
        given -> {
          ContactQuery query = ContactQuery.all().withPageSize(given.number("page_size", 0));
          if (given.has("recipient_type")) {
            query = query.withRecipientType(RecipientType.of(given.text("recipient_type")));
          }
          return Map.of("contacts", Answers.plain(client(given).contacts(query).toList()));
        });
  }

  private void aboutFeeds() {
    operations.put("subscribe", this::subscribe);
    operations.put("next", this::next);
    operations.put(
        "cursor",
        given -> Map.of("cursor", subscriptions.get(given.text("subscription")).cursor()));
    operations.put(
        "interruptions",
        given -> {
          List<TocsinException> told = interruptions.get(given.text("subscription"));
          synchronized (told) {
            return Map.of("interruptions", told.stream().map(Answers::failure).toList());
          }
        });
    operations.put(
        "unsubscribe",
        given -> {
          subscriptions.get(given.text("subscription")).close();
          return Map.of();
        });
    operations.put("churn", this::churn);
  }

  private Map<String, Object> subscribe(Arguments given) {
    String name = given.text("subscription");
    List<TocsinException> told = Collections.synchronizedList(new ArrayList<>());
    FeedOptions options =
        FeedOptions.after(given.text("cursor")).onInterruption((error, wait) -> told.add(error));
    Subscription opened = client(given).subscribe(given.recipient("recipient"), options);
    interruptions.put(name, told);
    Subscription old = subscriptions.put(name, opened);
    if (old != null) {
      old.close();
    }
    return Map.of();
  }

  private Map<String, Object> next(Arguments given) {
    Subscription subscription = subscriptions.get(given.text("subscription"));
    Optional<FeedEvent> event =
        subscription.poll(given.seconds("timeout").orElse(Duration.ofSeconds(10)));
    if (event.isPresent()) {
      return Map.of("event", Answers.plain(event.get()));
    }
    return Map.of(subscription.isClosed() ? "end" : "timeout", true);
  }

  private Map<String, Object> churn(Arguments given) {
    TocsinClient client = client(given);
    Recipient recipient = given.recipient("recipient");
    Map<String, Object> before = cycles(client, recipient, WARM_UP);
    Map<String, Object> after = cycles(client, recipient, given.number("cycles", 0));
    return Map.of("counts", Map.of("before", before, "after", after));
  }

  private static Map<String, Object> cycles(TocsinClient client, Recipient recipient, int count) {
    for (int i = 0; i < count; i++) {
      try (Subscription feed = client.subscribe(recipient)) {
        feed.iterator().next();
      }
    }
    System.gc();
    return Map.of("threads", ManagementFactory.getThreadMXBean().getThreadCount());
  }

  private void aboutBulk() {
    operations.put("bulk_open", given -> bulk.open(client(given), given));
    operations.put("bulk_send", bulk::send);
    operations.put("bulk_results", bulk::results);
    operations.put("bulk_flush", bulk::flush);
    operations.put("bulk_close", bulk::close);
    operations.put("bulk_load", given -> bulk.load(client(given), given));
    operations.put("unary_load", given -> bulk.unaryLoad(client(given), given));
    operations.put("paced_load", given -> bulk.pacedLoad(client(given), given));
  }
}
