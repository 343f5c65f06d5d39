package dev.tocsin.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.tocsin.client.BulkOptions;
import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.ChannelType;
import dev.tocsin.client.model.Contact;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.LeaseRequest;
import dev.tocsin.client.model.NotificationQuery;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.RecipientType;
import dev.tocsin.client.model.Route;
import dev.tocsin.client.model.Status;
import dev.tocsin.client.model.Strategy;
import dev.tocsin.client.model.StrategyGoal;
import dev.tocsin.client.model.StrategyKind;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The arguments of one operation, as JSON, read as the client's values. */
record Arguments(JsonObject json) {
  boolean has(String name) {
    return json.has(name) && !json.get(name).isJsonNull();
  }

  String text(String name) {
    return has(name) ? json.get(name).getAsString() : "";
  }

  int number(String name, int otherwise) {
    return has(name) ? json.get(name).getAsInt() : otherwise;
  }

  double decimal(String name, double otherwise) {
    return has(name) ? json.get(name).getAsDouble() : otherwise;
  }

  boolean flag(String name) {
    return has(name) && json.get(name).getAsBoolean();
  }

  Optional<Duration> seconds(String name) {
    return has(name)
        ? Optional.of(Duration.ofNanos(Math.round(json.get(name).getAsDouble() * 1e9)))
        : Optional.empty();
  }

  Optional<Instant> time(String name) {
    return has(name) ? Optional.of(OffsetDateTime.parse(text(name)).toInstant()) : Optional.empty();
  }

  Arguments inner(String name) {
    return new Arguments(has(name) ? json.getAsJsonObject(name) : new JsonObject());
  }

  <T> List<T> list(String name, Function<JsonElement, T> read) {
    List<T> values = new ArrayList<>();
    for (JsonElement element : has(name) ? json.getAsJsonArray(name) : new JsonArray()) {
      values.add(read.apply(element));
    }
    return values;
  }

  List<String> texts(String name) {
    return list(name, JsonElement::getAsString);
  }

  List<Arguments> several(String name) {
    return list(name, element -> new Arguments(element.getAsJsonObject()));
  }

  Recipient recipient(String name) {
    Arguments given = inner(name);
    return new Recipient(
        RecipientType.of(given.text("type")), given.text("id"), given.text("external_id"));
  }

  List<ChannelType> channelTypes(String name) {
    return list(name, element -> ChannelType.of(element.getAsString()));
  }

  private List<ChannelTarget> targets() {
    return several("channels").stream()
        .map(
            given ->
                new ChannelTarget(
                    ChannelType.of(given.text("channel")),
                    given.text("address"),
                    given.seconds("escalate_after")))
        .toList();
  }

  private Map<ChannelType, String> addresses() {
    Map<ChannelType, String> addresses = new LinkedHashMap<>();
    inner("addresses")
        .json
        .asMap()
        .forEach((word, address) -> addresses.put(ChannelType.of(word), address.getAsString()));
    return addresses;
  }

  private Optional<Strategy> strategy() {
    Arguments given = inner("strategy");
    if (!given.has("kind")) {
      return Optional.empty();
    }
    return Optional.of(
        new Strategy(
            StrategyKind.of(given.text("kind")),
            given.seconds("escalate_after"),
            given.has("goal")
                ? Optional.of(StrategyGoal.of(given.text("goal")))
                : Optional.empty()));
  }

  Draft draft() {
    return draft(text("idempotency_key"));
  }

  Draft draft(String key) {
    Arguments routing = inner("routing");
    return new Draft(
        recipient("recipient"),
        text("title"),
        text("message"),
        targets(),
        addresses(),
        map(inner("metadata").json),
        key,
        time("send_at"),
        time("expires_at"),
        strategy(),
        routing.flag("deferred"),
        routing.time("route_by"),
        text("category"));
  }

  NotificationQuery query() {
    return new NotificationQuery(
        has("recipient") ? Optional.of(recipient("recipient")) : Optional.empty(),
        flag("feed_only"),
        flag("unread_only"),
        flag("unrouted_only"),
        list("statuses", element -> Status.of(element.getAsString())),
        channelTypes("channels"),
        time("created_after"),
        time("created_before"),
        text("category"),
        number("page_size", 0),
        text("page_token"));
  }

  Route route() {
    Route route =
        has("hold_until")
            ? Route.hold(time("hold_until").orElseThrow())
            : has("channels") ? Route.through(targets()) : Route.nothing();
    Optional<Strategy> strategy = strategy();
    route = strategy.isPresent() ? route.withStrategy(strategy.get()) : route;
    return route.withLease(text("lease_token")).because(text("reason")).by(text("decider"));
  }

  LeaseRequest lease() {
    return new LeaseRequest(
        number("max_count", 0),
        seconds("lease"),
        seconds("wait"),
        text("category"),
        list("recipient_types", element -> RecipientType.of(element.getAsString())));
  }

  Contact contact() {
    Arguments given = inner("contact");
    return new Contact(
        given.recipient("recipient"),
        given.addresses(),
        given.text("locale"),
        given.text("time_zone"),
        Optional.empty());
  }

  BulkOptions bulkOptions() {
    BulkOptions usual = BulkOptions.defaults();
    return new BulkOptions(
        seconds("linger").orElse(usual.linger()),
        number("max_requests", usual.maxRequests()),
        number("max_bytes", usual.maxBytes()),
        number("max_pending", usual.maxPending()),
        usual.maxPendingBytes(),
        number("in_flight", usual.inFlight()),
        seconds("delivery_timeout").orElse(usual.deliveryTimeout()),
        seconds("attempt_timeout").orElse(usual.attemptTimeout()));
  }

  private static Map<String, Object> map(JsonObject json) {
    Map<String, Object> values = new LinkedHashMap<>();
    json.asMap().forEach((name, value) -> values.put(name, plain(value)));
    return values;
  }

  private static Object plain(JsonElement json) {
    if (json.isJsonNull()) {
      return null;
    } else if (json.isJsonObject()) {
      return map(json.getAsJsonObject());
    } else if (json.isJsonArray()) {
      List<Object> items = new ArrayList<>();
      json.getAsJsonArray().forEach(item -> items.add(plain(item)));
      return items;
    }
    JsonPrimitive primitive = json.getAsJsonPrimitive();
    if (primitive.isBoolean()) {
      return primitive.getAsBoolean();
    }
    return primitive.isString() ? primitive.getAsString() : number(primitive.getAsString());
  }

  private static Number number(String text) {
    if (text.matches("-?\\d+")) {
      BigInteger whole = new BigInteger(text);
      return whole.bitLength() < Long.SIZE ? (Number) whole.longValue() : whole;
    }
    return new BigDecimal(text).doubleValue();
  }
}
