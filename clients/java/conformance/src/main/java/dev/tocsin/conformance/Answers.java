package dev.tocsin.conformance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.BatchResult;
import dev.tocsin.client.model.FeedEvent;
import dev.tocsin.client.model.Refused;
import dev.tocsin.client.model.Word;
import java.lang.reflect.RecordComponent;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The client's values written as JSON. Records are written member by member, under the names of the
 * columns.
 */
final class Answers {
  private static final Gson GSON =
      new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

  private Answers() {}

  static String line(Map<String, ?> answer) {
    return GSON.toJson(answer);
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> members(Record value) {
    return (Map<String, Object>) plain(value);
  }

  static Object plain(Object value) {
    if (value instanceof Optional<?> optional) {
      return plain(optional.orElse(null));
    } else if (value instanceof Word || value instanceof Instant) {
      return value.toString();
    } else if (value instanceof Duration length) {
      return length.toNanos() / 1e9;
    } else if (value instanceof List<?> items) {
      return items.stream().map(Answers::plain).toList();
    } else if (value instanceof Map<?, ?> map) {
      Map<String, Object> members = new LinkedHashMap<>();
      map.forEach((name, member) -> members.put(name.toString(), plain(member)));
      return members;
    } else if (value instanceof Record plainRecord) {
      return written(plainRecord);
    }
    return value;
  }

  private static Map<String, Object> written(Record value) {
    Map<String, Object> members = new LinkedHashMap<>();
    for (RecordComponent component : value.getClass().getRecordComponents()) {
      try {
        members.put(snakeCase(component.getName()), plain(component.getAccessor().invoke(value)));
      } catch (ReflectiveOperationException impossible) {
        throw new AssertionError("records and their accessors are public", impossible);
      }
    }
    if (value instanceof FeedEvent event) {
      members.put("type", type(event));
    }
    return members;
  }

  private static String type(FeedEvent event) {
    if (event instanceof FeedEvent.Subscribed) {
      return "subscribed";
    }
    return event instanceof FeedEvent.Changed ? "notification" : "read_changed";
  }

  static Map<String, Object> result(BatchResult result) {
    return result instanceof Refused refused
        ? Map.of("error", failure(refused.error()))
        : Map.of("ok", members((Accepted) result));
  }

  /** Writes an error; those of arguments and of closed clients never left this process. */
  static Map<String, Object> failure(Throwable error) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("type", error.getClass().getSimpleName());
    if (error instanceof TocsinException failure) {
      members.put("code", failure.code().name());
      members.put("reason", failure.reason());
      members.put("message", failure.description());
      members.put("metadata", failure.metadata());
      members.put("violations", plain(failure.violations()));
      members.put("retry_delay", plain(failure.retryAfter()));
    } else {
      members.put("message", String.valueOf(error.getMessage()));
      members.put("local", true);
    }
    return members;
  }

  private static String snakeCase(String name) {
    return name.replaceAll("(?=[A-Z])", "_").toLowerCase(Locale.ROOT);
  }
}
