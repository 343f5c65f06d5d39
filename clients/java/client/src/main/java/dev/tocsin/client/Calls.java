package dev.tocsin.client;

import com.google.protobuf.MessageLite;
import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.Backtest;
import dev.tocsin.client.model.BacktestQuery;
import dev.tocsin.client.model.BatchResult;
import dev.tocsin.client.model.Caller;
import dev.tocsin.client.model.ChannelType;
import dev.tocsin.client.model.Contact;
import dev.tocsin.client.model.ContactPage;
import dev.tocsin.client.model.ContactQuery;
import dev.tocsin.client.model.Decision;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.LeaseRequest;
import dev.tocsin.client.model.MarkedRead;
import dev.tocsin.client.model.Notification;
import dev.tocsin.client.model.NotificationPage;
import dev.tocsin.client.model.NotificationQuery;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.Route;
import dev.tocsin.client.model.Simulation;
import dev.tocsin.client.model.Undecided;
import dev.tocsin.client.model.UnreadCount;
import dev.tocsin.v1.CancelRequest;
import dev.tocsin.v1.ContactServiceGrpc;
import dev.tocsin.v1.CountUnreadRequest;
import dev.tocsin.v1.DecisionServiceGrpc;
import dev.tocsin.v1.DeleteContactRequest;
import dev.tocsin.v1.ExplainRequest;
import dev.tocsin.v1.GetContactRequest;
import dev.tocsin.v1.GetRequest;
import dev.tocsin.v1.MarkReadRequest;
import dev.tocsin.v1.MarkReadResponse;
import dev.tocsin.v1.NotificationServiceGrpc;
import dev.tocsin.v1.PreviewRequest;
import dev.tocsin.v1.PutContactRequest;
import dev.tocsin.v1.RetryRequest;
import dev.tocsin.v1.SendBatchRequest;
import dev.tocsin.v1.SimulateRequest;
import dev.tocsin.v1.SubscribeRequest;
import dev.tocsin.v1.WhoAmIRequest;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;

/**
 * Every call of the API as a value. Whether one may be repeated while it is open whether it took
 * effect follows the comments in the API: what reads, marks as read, routes or puts a contact is
 * idempotent, and sending is with its key; cancel, retry and delete would fail the second time, and
 * so hide that the first one had worked.
 */
final class Calls {
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

  private Calls() {}

  /**
   * One unary call.
   *
   * @param method which RPC
   * @param request its request
   * @param read turns its answer into a plain value
   * @param repeatable whether it may be made again after an attempt of which the outcome is open
   * @param patience how long the server may wait before it answers, which the deadline comes on top
   *     of
   */
  record Call<Q extends MessageLite, A, T>(
      MethodDescriptor<Q, A> method,
      Q request,
      Function<A, T> read,
      boolean repeatable,
      Duration patience) {}

  static Call<?, ?, Accepted> send(Draft draft) {
    return repeatable(
        NotificationServiceGrpc.getSendMethod(),
        Requests.send(draft, key(draft)),
        Answers::accepted);
  }

  static Call<?, ?, List<BatchResult>> sendBatch(Collection<Draft> drafts) {
    SendBatchRequest.Builder batch = SendBatchRequest.newBuilder();
    drafts.forEach(draft -> batch.addRequests(Requests.send(draft, key(draft))));
    return sendBatch(batch.build());
  }

  static Call<?, ?, List<BatchResult>> sendBatch(SendBatchRequest batch) {
    return repeatable(NotificationServiceGrpc.getSendBatchMethod(), batch, Answers::results);
  }

  static Call<?, ?, Notification> get(String id) {
    return repeatable(
        NotificationServiceGrpc.getGetMethod(),
        GetRequest.newBuilder().setId(Text.whole("id", id)).build(),
        answer -> Answers.notification(answer.getNotification()));
  }

  static Call<?, ?, NotificationPage> list(NotificationQuery query) {
    return repeatable(NotificationServiceGrpc.getListMethod(), Requests.list(query), Answers::page);
  }

  static Call<?, ?, MarkedRead> markRead(Collection<String> ids) {
    MarkReadRequest.Builder request = MarkReadRequest.newBuilder();
    ids.forEach(id -> request.addIds(Text.whole("id", id)));
    return markRead(request.build());
  }

  static Call<?, ?, MarkedRead> markFeedRead(Recipient recipient, String upToCursor) {
    return markRead(
        MarkReadRequest.newBuilder()
            .setRecipient(Requests.recipient(recipient))
            .setUpToCursor(Text.whole("upToCursor", upToCursor))
            .build());
  }

  private static Call<?, ?, MarkedRead> markRead(MarkReadRequest request) {
    Function<MarkReadResponse, MarkedRead> read =
        answer ->
            new MarkedRead(answer.getMarkedCount(), answer.getUnreadCount(), answer.getCursor());
    return repeatable(NotificationServiceGrpc.getMarkReadMethod(), request, read);
  }

  static Call<?, ?, UnreadCount> countUnread(Recipient recipient) {
    return repeatable(
        NotificationServiceGrpc.getCountUnreadMethod(),
        CountUnreadRequest.newBuilder().setRecipient(Requests.recipient(recipient)).build(),
        answer -> new UnreadCount(answer.getUnreadCount(), answer.getCursor()));
  }

  static Call<?, ?, Notification> cancel(String id) {
    return once(
        NotificationServiceGrpc.getCancelMethod(),
        CancelRequest.newBuilder().setId(Text.whole("id", id)).build(),
        answer -> Answers.notification(answer.getNotification()));
  }

  static Call<?, ?, Notification> retry(String id, Collection<ChannelType> channels) {
    return once(
        NotificationServiceGrpc.getRetryMethod(),
        RetryRequest.newBuilder()
            .setId(Text.whole("id", id))
            .addAllChannelsValue(Requests.channels(channels))
            .build(),
        answer -> Answers.notification(answer.getNotification()));
  }

  static Call<?, ?, Notification> route(String id, Route route) {
    return repeatable(
        NotificationServiceGrpc.getRouteMethod(),
        Requests.route(id, route),
        answer -> Answers.notification(answer.getNotification()));
  }

  /** What a call that was cut off has leased comes back when its lease ends. */
  static Call<?, ?, List<Undecided>> leaseUndecided(LeaseRequest lease) {
    return new Call<>(
        DecisionServiceGrpc.getLeaseUndecidedMethod(),
        Requests.lease(lease),
        answer -> answer.getUndecidedList().stream().map(Answers::undecided).toList(),
        true,
        // The server refuses what is longer, at once.
        lease.maxWait().filter(wait -> wait.compareTo(LONGEST_WAIT) <= 0).orElse(Duration.ZERO));
  }

  /** Empty if this very decision has been made already. */
  static Call<?, ?, Optional<Decision>> preview(String id, Route route) {
    return repeatable(
        DecisionServiceGrpc.getPreviewMethod(),
        PreviewRequest.newBuilder().setRoute(Requests.route(id, route)).build(),
        answer ->
            answer.getAlreadyMade()
                ? Optional.empty()
                : Optional.of(Answers.decision(answer.getDecision())));
  }

  static Call<?, ?, Caller> whoAmI() {
    return repeatable(
        DecisionServiceGrpc.getWhoAmIMethod(),
        WhoAmIRequest.getDefaultInstance(),
        answer ->
            new Caller(
                answer.getName(),
                List.copyOf(answer.getScopesList()),
                Set.copyOf(answer.getRpcsList())));
  }

  static Call<?, ?, List<Decision>> explain(String id) {
    return repeatable(
        DecisionServiceGrpc.getExplainMethod(),
        ExplainRequest.newBuilder().setId(Text.whole("id", id)).build(),
        answer -> answer.getDecisionsList().stream().map(Answers::decision).toList());
  }

  static Call<?, ?, Simulation> simulate(Draft draft, String rules) {
    return repeatable(
        DecisionServiceGrpc.getSimulateMethod(),
        SimulateRequest.newBuilder()
            .setRequest(Requests.send(draft, draft.idempotencyKey()))
            .setRules(Text.whole("rules", rules))
            .build(),
        Answers::simulation);
  }

  static Call<?, ?, Backtest> backtest(BacktestQuery query) {
    return repeatable(
        DecisionServiceGrpc.getBacktestMethod(), Requests.backtest(query), Answers::backtest);
  }

  static Call<?, ?, Contact> putContact(Contact contact) {
    return repeatable(
        ContactServiceGrpc.getPutContactMethod(),
        PutContactRequest.newBuilder().setContact(Requests.contact(contact)).build(),
        answer -> Answers.contact(answer.getContact()));
  }

  static Call<?, ?, Contact> getContact(Recipient recipient) {
    return repeatable(
        ContactServiceGrpc.getGetContactMethod(),
        GetContactRequest.newBuilder().setRecipient(Requests.recipient(recipient)).build(),
        answer -> Answers.contact(answer.getContact()));
  }

  static Call<?, ?, Void> deleteContact(Recipient recipient) {
    return once(
        ContactServiceGrpc.getDeleteContactMethod(),
        DeleteContactRequest.newBuilder().setRecipient(Requests.recipient(recipient)).build(),
        answer -> null);
  }

  static Call<?, ?, ContactPage> listContacts(ContactQuery query) {
    return repeatable(
        ContactServiceGrpc.getListContactsMethod(),
        Requests.listContacts(query),
        Answers::contacts);
  }

  static SubscribeRequest subscribe(Recipient recipient, String cursor) {
    return SubscribeRequest.newBuilder()
        .setRecipient(Requests.recipient(recipient))
        .setCursor(Text.whole("cursor", cursor))
        .build();
  }

  /** The draft's key, or one that covers the repetitions of this call. */
  static String key(Draft draft) {
    return draft.idempotencyKey().isEmpty() ? UUID.randomUUID().toString() : draft.idempotencyKey();
  }

  private static <Q extends MessageLite, A, T> Call<Q, A, T> repeatable(
      MethodDescriptor<Q, A> method, Q request, Function<A, T> read) {
    return new Call<>(method, request, read, true, Duration.ZERO);
  }

  private static <Q extends MessageLite, A, T> Call<Q, A, T> once(
      MethodDescriptor<Q, A> method, Q request, Function<A, T> read) {
    return new Call<>(method, request, read, false, Duration.ZERO);
  }
}
