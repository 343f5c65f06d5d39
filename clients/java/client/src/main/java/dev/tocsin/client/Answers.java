package dev.tocsin.client;

import com.google.protobuf.Timestamp;
import dev.tocsin.client.error.Failure;
import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.Attempt;
import dev.tocsin.client.model.AttemptOutcome;
import dev.tocsin.client.model.Backtest;
import dev.tocsin.client.model.BacktestExample;
import dev.tocsin.client.model.BatchResult;
import dev.tocsin.client.model.Channel;
import dev.tocsin.client.model.ChannelChange;
import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.ChannelType;
import dev.tocsin.client.model.Contact;
import dev.tocsin.client.model.ContactPage;
import dev.tocsin.client.model.DecidedBy;
import dev.tocsin.client.model.Decision;
import dev.tocsin.client.model.Denied;
import dev.tocsin.client.model.FeedEvent;
import dev.tocsin.client.model.Notification;
import dev.tocsin.client.model.NotificationPage;
import dev.tocsin.client.model.Option;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.RecipientContext;
import dev.tocsin.client.model.RecipientType;
import dev.tocsin.client.model.Refused;
import dev.tocsin.client.model.RuleTrial;
import dev.tocsin.client.model.Simulation;
import dev.tocsin.client.model.Status;
import dev.tocsin.client.model.Undecided;
import dev.tocsin.v1.BacktestResponse;
import dev.tocsin.v1.ListContactsResponse;
import dev.tocsin.v1.ListResponse;
import dev.tocsin.v1.SendBatchResponse;
import dev.tocsin.v1.SendResponse;
import dev.tocsin.v1.SendResult;
import dev.tocsin.v1.SimulateResponse;
import dev.tocsin.v1.SubscribeResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** From messages to the plain values that they carry. */
final class Answers {
  private Answers() {}

  static Accepted accepted(SendResponse answer) {
    return new Accepted(notification(answer.getNotification()), answer.getDuplicate());
  }

  static List<BatchResult> results(SendBatchResponse answer) {
    return answer.getResultsList().stream().map(Answers::result).toList();
  }

  private static BatchResult result(SendResult result) {
    return result.hasError()
        ? new Refused(Failure.of(result.getError()).exception())
        : accepted(result.getResponse());
  }

  static NotificationPage page(ListResponse answer) {
    return new NotificationPage(
        answer.getNotificationsList().stream().map(Answers::notification).toList(),
        answer.getNextPageToken(),
        answer.getCursor());
  }

  static Notification notification(dev.tocsin.v1.Notification message) {
    return new Notification(
        message.getId(),
        recipient(message.getRecipient()),
        message.getTitle(),
        message.getMessage(),
        Status.of(message.getStatusValue()),
        Json.map(message.getMetadata()),
        message.getIsRead(),
        instant(message.getCreatedAt()),
        message.getChannelsList().stream().map(Answers::channel).toList(),
        instant(message.hasReadAt(), message.getReadAt()),
        instant(message.hasSendAt(), message.getSendAt()),
        instant(message.hasExpiresAt(), message.getExpiresAt()),
        message.getOwner(),
        message.getCategory(),
        instant(message.hasRouteBy(), message.getRouteBy()));
  }

  private static Channel channel(dev.tocsin.v1.Channel message) {
    return new Channel(
        message.getId(),
        message.getNotificationId(),
        ChannelType.of(message.getChannelValue()),
        Status.of(message.getStatusValue()),
        message.getAttempts(),
        Json.map(message.getResponse()),
        instant(message.getCreatedAt()),
        message.getAddress(),
        instant(message.hasNextAttemptAt(), message.getNextAttemptAt()),
        message.getHistoryList().stream().map(Answers::attempt).toList());
  }

  private static Attempt attempt(dev.tocsin.v1.Attempt message) {
    return new Attempt(
        instant(message.hasAttemptedAt(), message.getAttemptedAt()),
        AttemptOutcome.of(message.getOutcomeValue()),
        message.getProvider(),
        message.getCode(),
        message.getDetail());
  }

  private static Recipient recipient(dev.tocsin.v1.Recipient message) {
    return new Recipient(
        RecipientType.of(message.getTypeValue()), message.getId(), message.getExternalId());
  }

  static Contact contact(dev.tocsin.v1.Contact message) {
    Map<ChannelType, String> addresses = new HashMap<>();
    message
        .getAddressesList()
        .forEach(
            entry -> addresses.put(ChannelType.of(entry.getChannelValue()), entry.getAddress()));
    return new Contact(
        recipient(message.getRecipient()),
        addresses,
        message.getLocale(),
        message.getTimeZone(),
        instant(message.hasUpdatedAt(), message.getUpdatedAt()));
  }

  static ContactPage contacts(ListContactsResponse answer) {
    return new ContactPage(
        answer.getContactsList().stream().map(Answers::contact).toList(),
        answer.getNextPageToken());
  }

  /** Reads an event; empty for a heartbeat, and for kinds that are newer than this client. */
  static Optional<FeedEvent> event(SubscribeResponse message) {
    String cursor = message.getCursor();
    long unread = message.getUnreadCount();
    return switch (message.getEventCase()) {
      case SUBSCRIBED ->
          Optional.of(
              new FeedEvent.Subscribed(cursor, unread, message.getSubscribed().getRecovered()));
      case NOTIFICATION ->
          Optional.of(
              new FeedEvent.Changed(cursor, unread, notification(message.getNotification())));
      case READ_CHANGED ->
          Optional.of(
              new FeedEvent.MarkedAsRead(
                  cursor,
                  unread,
                  List.copyOf(message.getReadChanged().getIdsList()),
                  instant(message.getReadChanged().getReadAt())));
      case HEARTBEAT, EVENT_NOT_SET -> Optional.empty();
    };
  }

  static Undecided undecided(dev.tocsin.v1.Undecided message) {
    return new Undecided(
        notification(message.getNotification()),
        message.getLeaseToken(),
        instant(message.getLeaseUntil()),
        message.getOptionsList().stream().map(Answers::option).toList(),
        context(message.getContext()));
  }

  private static Option option(dev.tocsin.v1.Option message) {
    return new Option(
        ChannelType.of(message.getChannelValue()),
        message.getAllowed(),
        List.copyOf(message.getDeniedByList()),
        message.getMaskedAddress());
  }

  private static RecipientContext context(dev.tocsin.v1.RecipientContext message) {
    Map<ChannelType, Instant> lastSent = new HashMap<>();
    message
        .getLastSentList()
        .forEach(
            last -> lastSent.put(ChannelType.of(last.getChannelValue()), instant(last.getAt())));
    return new RecipientContext(
        message.getLocale(),
        message.getTimeZone(),
        message.getLocalTime(),
        message.getUnreadCount(),
        Map.copyOf(lastSent));
  }

  static Decision decision(dev.tocsin.v1.Decision message) {
    return new Decision(
        instant(message.hasDecidedAt(), message.getDecidedAt()),
        DecidedBy.of(message.getByValue()),
        message.getName(),
        message.getChannelsList().stream().map(Answers::target).toList(),
        message.getDeniedList().stream().map(Answers::denied).toList(),
        message.getReason(),
        message.getDecider());
  }

  private static ChannelTarget target(dev.tocsin.v1.ChannelTarget message) {
    com.google.protobuf.Duration after = message.getEscalateAfter();
    return new ChannelTarget(
        ChannelType.of(message.getChannelValue()),
        message.getAddress(),
        message.hasEscalateAfter()
            ? Optional.of(Duration.ofSeconds(after.getSeconds(), after.getNanos()))
            : Optional.empty());
  }

  private static Denied denied(dev.tocsin.v1.Denied message) {
    return new Denied(
        ChannelType.of(message.getChannelValue()), message.getPolicy(), message.getDetail());
  }

  static Simulation simulation(SimulateResponse answer) {
    return new Simulation(
        decision(answer.getDecision()),
        answer.getTrialsList().stream()
            .map(trial -> new RuleTrial(trial.getRule(), trial.getMatched(), trial.getWhy()))
            .toList(),
        answer.hasRefusal()
            ? Optional.of(Failure.of(answer.getRefusal()).exception())
            : Optional.empty());
  }

  static Backtest backtest(BacktestResponse answer) {
    return new Backtest(
        answer.getExamined(),
        answer.getAgreed(),
        answer.getChangesList().stream()
            .map(
                change ->
                    new ChannelChange(
                        ChannelType.of(change.getChannelValue()),
                        change.getAdded(),
                        change.getRemoved()))
            .toList(),
        answer.getExamplesList().stream().map(Answers::example).toList(),
        answer.getTruncated());
  }

  private static BacktestExample example(dev.tocsin.v1.BacktestExample message) {
    return new BacktestExample(
        message.getId(),
        message.getCategory(),
        RecipientType.of(message.getRecipientTypeValue()),
        message.getWasValueList().stream().map(ChannelType::of).toList(),
        message.getWouldBeValueList().stream().map(ChannelType::of).toList(),
        message.getRule());
  }

  private static Instant instant(Timestamp message) {
    return Instant.ofEpochSecond(message.getSeconds(), message.getNanos());
  }

  private static Optional<Instant> instant(boolean present, Timestamp message) {
    return present ? Optional.of(instant(message)) : Optional.empty();
  }
}
