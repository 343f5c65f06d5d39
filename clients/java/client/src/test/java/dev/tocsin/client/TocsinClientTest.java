package dev.tocsin.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tocsin.client.error.AlreadyRoutedException;
import dev.tocsin.client.error.CancelledException;
import dev.tocsin.client.error.ContactNotFoundException;
import dev.tocsin.client.error.IdempotencyKeyReusedException;
import dev.tocsin.client.error.InvalidFieldException;
import dev.tocsin.client.error.NotificationNotFoundException;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.error.Violation;
import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.BacktestQuery;
import dev.tocsin.client.model.BatchResult;
import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.ChannelType;
import dev.tocsin.client.model.Contact;
import dev.tocsin.client.model.ContactQuery;
import dev.tocsin.client.model.DecidedBy;
import dev.tocsin.client.model.Decision;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.LeaseRequest;
import dev.tocsin.client.model.Notification;
import dev.tocsin.client.model.NotificationQuery;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.RecipientType;
import dev.tocsin.client.model.Refused;
import dev.tocsin.client.model.Route;
import dev.tocsin.client.model.Status;
import dev.tocsin.client.model.Strategy;
import dev.tocsin.client.model.StrategyGoal;
import dev.tocsin.client.model.Undecided;
import dev.tocsin.v1.ContactServiceGrpc;
import dev.tocsin.v1.DecisionServiceGrpc;
import dev.tocsin.v1.GetRequest;
import dev.tocsin.v1.NotificationServiceGrpc;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TocsinClientTest extends WithServer {
  @Test
  void everythingThatIsSentComesBack() {
    Map<String, Object> metadata = new LinkedHashMap<>();
    metadata.put("order", Map.of("id", "ABC123", "lines", List.of(1L, 2.5, "three", true)));
    metadata.put("nothing", null);
    metadata.put("text", "Größe №7 🔔");
    Instant later = Instant.now().plus(1, ChronoUnit.DAYS).truncatedTo(ChronoUnit.MICROS);
    Draft draft =
        draft()
            .channels(
                ChannelTarget.websocket().escalateAfter(Duration.ofSeconds(30)),
                ChannelTarget.email("ann@example.org"))
            .address(ChannelType.SMS, "+442079460000")
            .metadata(metadata)
            .sendAt(later)
            .expiresAt(later.plusSeconds(60))
            .strategy(Strategy.fallback(Duration.ofSeconds(10)).goal(StrategyGoal.READ))
            .category("order.shipped")
            .build();
    Notification stored = tocsin.get(tocsin.send(draft).notification().id());
    assertEquals(user, stored.recipient());
    assertEquals(draft.title(), stored.title());
    assertEquals(draft.message(), stored.message());
    assertEquals(metadata, stored.metadata());
    assertEquals(later, stored.sendAt().orElseThrow());
    assertEquals(later.plusSeconds(60), stored.expiresAt().orElseThrow());
    assertEquals("order.shipped", stored.category());
    assertEquals(Status.PENDING, stored.status());
    assertEquals(ChannelType.WEBSOCKET, stored.channels().get(0).channel());
    assertFalse(stored.isRead());
  }

  @Test
  void aRepeatedKeyIsADuplicateAndWithOtherContentRefused() {
    Draft draft = draft().idempotencyKey(UUID.randomUUID().toString()).build();
    Accepted first = tocsin.send(draft);
    Accepted second = tocsin.send(draft);
    assertFalse(first.duplicate());
    assertTrue(second.duplicate());
    assertEquals(first.notification().id(), second.notification().id());
    Draft other = draft().message("other").idempotencyKey(draft.idempotencyKey()).build();
    IdempotencyKeyReusedException refused =
        assertThrows(IdempotencyKeyReusedException.class, () -> tocsin.send(other));
    assertEquals(first.notification().id(), refused.metadata().get("id"));
  }

  @Test
  void badInputNamesEveryBadFieldAtOnce() {
    Draft bad = Draft.to(user).channels(ChannelTarget.sms("no number")).build();
    InvalidFieldException refused =
        assertThrows(InvalidFieldException.class, () -> tocsin.send(bad));
    List<String> fields = refused.violations().stream().map(Violation::field).toList();
    assertEquals(List.of("title", "message", "channels[0].address"), fields);
    assertTrue(refused.getMessage().startsWith("INVALID_ARGUMENT (INVALID_FIELD): "));
    assertTrue(
        Arrays.stream(refused.getStackTrace()).anyMatch(frame -> frame.toString().contains("Test")),
        "the stack shows who called");
  }

  @Test
  void oneThatIsRefusedDoesNotSpoilItsBatch() {
    List<BatchResult> results =
        tocsin.sendBatch(List.of(draft().build(), draft().title("").build(), draft().build()));
    assertInstanceOf(Accepted.class, results.get(0));
    assertInstanceOf(InvalidFieldException.class, ((Refused) results.get(1)).error());
    assertThrows(InvalidFieldException.class, () -> results.get(1).accepted());
    assertEquals(user, results.get(2).accepted().notification().recipient());
  }

  @Test
  void listsAreReadPageAfterPage() {
    IntStream.range(0, 7).forEach(i -> tocsin.send(draft().title("No " + i).build()));
    NotificationQuery query =
        NotificationQuery.all().withRecipient(user).withFeedOnly().withPageSize(3);
    List<String> titles = tocsin.notifications(query).map(Notification::title).toList();
    assertEquals(List.of("No 6", "No 5", "No 4", "No 3", "No 2", "No 1", "No 0"), titles);
    assertEquals(3, tocsin.list(query).notifications().size());
    assertEquals("No 6", tocsin.notifications(query).findFirst().orElseThrow().title());
  }

  @Test
  void readingIsCounted() {
    String first = tocsin.send(draft().build()).notification().id();
    tocsin.send(draft().build());
    assertEquals(2, tocsin.countUnread(user).count());
    assertEquals(1, tocsin.markRead(List.of(first)).markedCount());
    String here = tocsin.list(NotificationQuery.all().withRecipient(user)).cursor();
    tocsin.send(draft().build());
    assertEquals(1, tocsin.markFeedRead(user, here).markedCount());
    assertEquals(1, tocsin.markFeedRead(user).markedCount());
    assertEquals(0, tocsin.countUnread(user).count());
  }

  @Test
  void whatIsCancelledCanBeRetried() {
    Draft later = draft().sendAt(Instant.now().plusSeconds(3600)).build();
    String id = tocsin.send(later).notification().id();
    assertEquals(Status.FAILED, tocsin.cancel(id).status());
    assertEquals(Status.PENDING, tocsin.retry(id, ChannelType.WEBSOCKET).status());
  }

  @Test
  void aDeferredNotificationIsLeasedDecidedAndExplained() {
    String category = "test." + UUID.randomUUID().toString().substring(0, 8);
    Draft deferred =
        Draft.to(user).title("Choose").message("for me").category(category).deferred().build();
    String id = tocsin.send(deferred).notification().id();
    LeaseRequest lease =
        LeaseRequest.all().withCategory(category).withMaxWait(Duration.ofSeconds(30));
    Undecided one = tocsin.leaseUndecided(lease).get(0);
    assertEquals(id, one.notification().id());
    assertEquals(List.of(ChannelType.WEBSOCKET), one.allowed());
    Route route =
        Route.through(ChannelType.WEBSOCKET)
            .withLease(one.leaseToken())
            .because("they are online")
            .by("a test");
    Decision preview = tocsin.preview(id, route).orElseThrow();
    assertEquals(ChannelType.WEBSOCKET, preview.channels().get(0).channel());
    assertEquals(ChannelType.WEBSOCKET, tocsin.route(id, route).channels().get(0).channel());
    assertEquals(DecidedBy.DECIDER, tocsin.explain(id).get(0).by());
    assertEquals("they are online", tocsin.explain(id).get(0).reason());
    assertTrue(tocsin.preview(id, route).isEmpty(), "it has been made");
    assertThrows(AlreadyRoutedException.class, () -> tocsin.route(id, Route.nothing()));
  }

  @Test
  void rulesAreTriedWithoutSending() {
    String rules = "[[rules]]\nname = \"all by feed\"\nwhen = 'true'\nchannels = [\"websocket\"]\n";
    Draft open = Draft.to(user).title("To whom?").message("By what?").build();
    assertEquals("all by feed", tocsin.simulate(open, rules).decision().name());
    assertTrue(tocsin.simulate(open).refusal().isEmpty());
    tocsin.send(open);
    assertTrue(tocsin.backtest(BacktestQuery.all().withRules(rules)).examined() > 0);
    assertTrue(
        tocsin.list(NotificationQuery.all().withRecipient(user)).notifications().size() == 1);
  }

  @Test
  void everyRpcHasItsVerbInBothForms() {
    for (ServiceDescriptor service :
        List.of(
            NotificationServiceGrpc.getServiceDescriptor(),
            ContactServiceGrpc.getServiceDescriptor(),
            DecisionServiceGrpc.getServiceDescriptor())) {
      for (MethodDescriptor<?, ?> rpc : service.getMethods()) {
        String name = rpc.getBareMethodName();
        String verb = Character.toLowerCase(name.charAt(0)) + name.substring(1);
        for (Class<?> form : List.of(TocsinClient.class, AsyncTocsinClient.class)) {
          assertTrue(
              Arrays.stream(form.getMethods()).anyMatch(method -> method.getName().equals(verb)),
              form.getSimpleName() + " has no " + verb);
        }
      }
    }
    assertTrue(tocsin.whoAmI().rpcs().contains("tocsin.v1.NotificationService/Send"));
  }

  @Test
  void contactsAreKept() {
    Recipient ann = Recipient.external(RecipientType.USER, UUID.randomUUID().toString());
    Contact contact =
        Contact.of(ann, Map.of(ChannelType.EMAIL, "ann@example.org"))
            .withLocale("pt-BR")
            .withTimeZone("Europe/Lisbon");
    Contact put = tocsin.putContact(contact);
    assertTrue(put.updatedAt().isPresent());
    assertEquals(put, tocsin.getContact(ann));
    assertEquals(ann.externalId(), put.recipient().externalId());
    assertTrue(tocsin.contacts(ContactQuery.all().withPageSize(1)).anyMatch(put::equals));
    tocsin.deleteContact(ann);
    assertThrows(ContactNotFoundException.class, () -> tocsin.getContact(ann));
  }

  @Test
  void futuresHaveTheSameVerbs() {
    String id =
        tocsin
            .async()
            .send(draft().build())
            .thenCompose(sent -> tocsin.async().get(sent.notification().id()))
            .thenApply(Notification::id)
            .join();
    assertEquals(id, tocsin.get(id).id());
    CompletionException failed =
        assertThrows(
            CompletionException.class,
            () -> tocsin.async().get(UUID.randomUUID().toString()).join());
    assertInstanceOf(NotificationNotFoundException.class, failed.getCause());
  }

  @Test
  void generatedStubsWorkOnTheSameConnection() {
    String id = tocsin.send(draft().build()).notification().id();
    GetRequest request = GetRequest.newBuilder().setId(id).build();
    assertEquals(
        id,
        NotificationServiceGrpc.newBlockingStub(tocsin.channel())
            .get(request)
            .getNotification()
            .getId());
  }

  @Test
  void aClosedClientRefusesCallsAndAViewClosesNothing() {
    TocsinClient view = tocsin.withDeadline(Duration.ofSeconds(5));
    view.close();
    assertEquals(0, view.countUnread(user).count());
    tocsin.close();
    tocsin.close();
    assertThrows(IllegalStateException.class, () -> tocsin.countUnread(user));
    assertThrows(IllegalStateException.class, () -> view.countUnread(user));
    assertThrows(IllegalStateException.class, () -> tocsin.subscribe(user));
    assertThrows(IllegalStateException.class, () -> tocsin.bulkSender());
  }

  @Test
  void anInterruptedThreadStopsWaiting() {
    LeaseRequest patient =
        LeaseRequest.all().withCategory("nothing.ever").withMaxWait(Duration.ofSeconds(60));
    Thread.currentThread().interrupt();
    TocsinException stopped =
        assertThrows(CancelledException.class, () -> tocsin.leaseUndecided(patient));
    assertTrue(Thread.interrupted(), "the interruption stays visible");
    assertEquals("", stopped.reason());
  }
}
