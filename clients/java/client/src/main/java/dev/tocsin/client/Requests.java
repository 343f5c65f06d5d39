package dev.tocsin.client;

import com.google.protobuf.Timestamp;
import dev.tocsin.client.model.BacktestQuery;
import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.ChannelType;
import dev.tocsin.client.model.Contact;
import dev.tocsin.client.model.ContactQuery;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.LeaseRequest;
import dev.tocsin.client.model.NotificationQuery;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.RecipientType;
import dev.tocsin.client.model.Route;
import dev.tocsin.client.model.Status;
import dev.tocsin.client.model.Strategy;
import dev.tocsin.client.model.Word;
import dev.tocsin.v1.Address;
import dev.tocsin.v1.BacktestRequest;
import dev.tocsin.v1.LeaseUndecidedRequest;
import dev.tocsin.v1.ListContactsRequest;
import dev.tocsin.v1.ListRequest;
import dev.tocsin.v1.RouteRequest;
import dev.tocsin.v1.Routing;
import dev.tocsin.v1.SendRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * From plain values to the messages that carry them. What cannot be put into a message is an
 * IllegalArgumentException; what the server would refuse is left to it.
 */
final class Requests {
  private Requests() {}

  static SendRequest send(Draft draft, String idempotencyKey) {
    SendRequest.Builder request =
        SendRequest.newBuilder()
            .setRecipient(recipient(draft.recipient()))
            .setTitle(Text.whole("title", draft.title()))
            .setMessage(Text.whole("message", draft.message()))
            .addAllChannels(targets(draft.channels()))
            .addAllAddresses(addresses(draft.addresses()))
            .setIdempotencyKey(Text.whole("idempotencyKey", idempotencyKey))
            .setCategory(Text.whole("category", draft.category()));
    if (!draft.metadata().isEmpty()) {
      request.setMetadata(Json.struct(draft.metadata(), "metadata"));
    }
    draft.sendAt().ifPresent(at -> request.setSendAt(timestamp(at)));
    draft.expiresAt().ifPresent(at -> request.setExpiresAt(timestamp(at)));
    draft.strategy().ifPresent(strategy -> request.setStrategy(strategy(strategy)));
    if (draft.deferred() || draft.routeBy().isPresent()) {
      Routing.Builder routing = Routing.newBuilder().setDeferred(draft.deferred());
      draft.routeBy().ifPresent(at -> routing.setRouteBy(timestamp(at)));
      request.setRouting(routing);
    }
    return request.build();
  }

  static ListRequest list(NotificationQuery query) {
    ListRequest.Builder request =
        ListRequest.newBuilder()
            .setFeedOnly(query.feedOnly())
            .setUnreadOnly(query.unreadOnly())
            .setUnroutedOnly(query.unroutedOnly())
            .addAllChannelsValue(channels(query.channels()))
            .setCategory(Text.whole("category", query.category()))
            .setPageSize(query.pageSize())
            .setPageToken(Text.whole("pageToken", query.pageToken()));
    for (Status status : query.statuses()) {
      request.addStatusesValue(number(status));
    }
    query.recipient().ifPresent(recipient -> request.setRecipient(recipient(recipient)));
    query.createdAfter().ifPresent(at -> request.setCreatedAfter(timestamp(at)));
    query.createdBefore().ifPresent(at -> request.setCreatedBefore(timestamp(at)));
    return request.build();
  }

  static RouteRequest route(String id, Route route) {
    RouteRequest.Builder request =
        RouteRequest.newBuilder()
            .setId(Text.whole("id", id))
            .addAllChannels(targets(route.channels()))
            .setSuppress(route.suppress())
            .setLeaseToken(Text.whole("leaseToken", route.leaseToken()))
            .setReason(Text.whole("reason", route.reason()))
            .setDecider(Text.whole("decider", route.decider()));
    route.strategy().ifPresent(strategy -> request.setStrategy(strategy(strategy)));
    route.holdUntil().ifPresent(at -> request.setHoldUntil(timestamp(at)));
    return request.build();
  }

  static LeaseUndecidedRequest lease(LeaseRequest lease) {
    LeaseUndecidedRequest.Builder request =
        LeaseUndecidedRequest.newBuilder()
            .setMaxCount(lease.maxCount())
            .setCategory(Text.whole("category", lease.category()));
    lease.lease().ifPresent(length -> request.setLease(duration(length)));
    lease.maxWait().ifPresent(length -> request.setWait(duration(length)));
    for (RecipientType type : lease.recipientTypes()) {
      request.addRecipientTypesValue(number(type));
    }
    return request.build();
  }

  static BacktestRequest backtest(BacktestQuery query) {
    BacktestRequest.Builder request =
        BacktestRequest.newBuilder()
            .setRules(Text.whole("rules", query.rules()))
            .setCategory(Text.whole("category", query.category()))
            .setLimit(query.limit());
    query.since().ifPresent(at -> request.setSince(timestamp(at)));
    query.until().ifPresent(at -> request.setUntil(timestamp(at)));
    return request.build();
  }

  static dev.tocsin.v1.Contact contact(Contact contact) {
    return dev.tocsin.v1.Contact.newBuilder()
        .setRecipient(recipient(contact.recipient()))
        .addAllAddresses(addresses(contact.addresses()))
        .setLocale(Text.whole("locale", contact.locale()))
        .setTimeZone(Text.whole("timeZone", contact.timeZone()))
        .build();
  }

  static ListContactsRequest listContacts(ContactQuery query) {
    ListContactsRequest.Builder request =
        ListContactsRequest.newBuilder()
            .setPageSize(query.pageSize())
            .setPageToken(Text.whole("pageToken", query.pageToken()));
    query.recipientType().ifPresent(type -> request.setRecipientTypeValue(number(type)));
    return request.build();
  }

  static dev.tocsin.v1.Recipient recipient(Recipient recipient) {
    dev.tocsin.v1.Recipient.Builder message =
        dev.tocsin.v1.Recipient.newBuilder().setTypeValue(number(recipient.type()));
    // Both together are refused, and a contact shows the external id only if it came with it.
    return recipient.externalId().isEmpty()
        ? message.setId(Text.whole("id", recipient.id())).build()
        : message.setExternalId(Text.whole("externalId", recipient.externalId())).build();
  }

  static List<Integer> channels(Collection<ChannelType> channels) {
    return channels.stream().map(channel -> number(channel)).toList();
  }

  private static List<dev.tocsin.v1.ChannelTarget> targets(List<ChannelTarget> targets) {
    return targets.stream().map(Requests::target).toList();
  }

  private static dev.tocsin.v1.ChannelTarget target(ChannelTarget target) {
    dev.tocsin.v1.ChannelTarget.Builder message =
        dev.tocsin.v1.ChannelTarget.newBuilder()
            .setChannelValue(number(target.channel()))
            .setAddress(Text.whole("address", target.address()));
    target.escalateAfter().ifPresent(length -> message.setEscalateAfter(duration(length)));
    return message.build();
  }

  private static List<Address> addresses(Map<ChannelType, String> addresses) {
    return addresses.entrySet().stream()
        .map(
            entry ->
                Address.newBuilder()
                    .setChannelValue(number(entry.getKey()))
                    .setAddress(Text.whole("address", entry.getValue()))
                    .build())
        .toList();
  }

  private static dev.tocsin.v1.Strategy strategy(Strategy strategy) {
    dev.tocsin.v1.Strategy.Builder message =
        dev.tocsin.v1.Strategy.newBuilder().setKindValue(number(strategy.kind()));
    strategy.escalateAfter().ifPresent(length -> message.setEscalateAfter(duration(length)));
    strategy.goal().ifPresent(goal -> message.setGoalValue(number(goal)));
    return message.build();
  }

  private static int number(Word value) {
    if (value.number() == 0) {
      throw new IllegalArgumentException(
          value.getClass().getSimpleName() + " " + value + " cannot be sent");
    }
    return value.number();
  }

  private static Timestamp timestamp(Instant at) {
    return Timestamp.newBuilder().setSeconds(at.getEpochSecond()).setNanos(at.getNano()).build();
  }

  private static com.google.protobuf.Duration duration(Duration length) {
    // A Duration of Java's counts its nanoseconds upwards from the seconds, also when it is
    // negative.
    boolean borrow = length.isNegative() && length.getNano() > 0;
    return com.google.protobuf.Duration.newBuilder()
        .setSeconds(length.getSeconds() + (borrow ? 1 : 0))
        .setNanos(length.getNano() - (borrow ? 1_000_000_000 : 0))
        .build();
  }
}
