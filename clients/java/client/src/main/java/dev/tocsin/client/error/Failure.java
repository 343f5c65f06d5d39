package dev.tocsin.client.error;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is known of why a call failed.
 *
 * @param code canonical gRPC code
 * @param reason name of a value of the API's {@code ErrorReason} without its prefix, such as {@code
 *     NOTIFICATION_NOT_FOUND}; empty if no Tocsin server said so
 * @param description a sentence for people
 * @param metadata what the reason documents
 * @param violations every bad field, if the request was bad
 * @param retryDelay how long to wait at least before trying again; null if the server named none
 */
public record Failure(
    Status.Code code,
    String reason,
    String description,
    Map<String, String> metadata,
    List<Violation> violations,
    Duration retryDelay)
    implements Serializable {
  private static final String DOMAIN = "tocsin";

  /** What Duration.toNanos can count, about: 290 years. */
  private static final long LONGEST_SECONDS = 9_000_000_000L;

  /** Keeps copies. */
  public Failure {
    metadata = Map.copyOf(metadata);
    violations = List.copyOf(violations);
  }

  /** Makes one of which no server has told any details. */
  public static Failure of(Status.Code code, String description) {
    return new Failure(code, "", description, Map.of(), List.of(), null);
  }

  /** Reads how a call ended, with the details that Tocsin attaches. */
  public static Failure of(Status status, Metadata trailers) {
    com.google.rpc.Status details = null;
    try {
      details = StatusProto.fromStatusAndTrailers(status, trailers);
    } catch (RuntimeException malformed) {
      // A proxy may have cut the details short; the code and the message still tell the essence.
    }
    List<Any> any = details == null ? List.of() : details.getDetailsList();
    return read(status.getCode(), sentence(status), any);
  }

  /**
   * What gRPC says, and of a line that broke also why: it says no more than "io exception" itself.
   */
  private static String sentence(Status status) {
    String said = status.getDescription() == null ? "" : status.getDescription();
    Throwable cause = status.getCause();
    if (cause == null) {
      return said;
    }
    // The innermost one says most, unless an outer one repeats it with more.
    while (cause.getCause() != null && !words(cause).contains(words(cause.getCause()))) {
      cause = cause.getCause();
    }
    // gRPC's own words may be several lines about its innards.
    String first = said.lines().findFirst().orElse("");
    return first.isEmpty() ? words(cause) : first + ": " + words(cause);
  }

  private static String words(Throwable cause) {
    return cause.getMessage() == null ? cause.toString() : cause.getMessage();
  }

  /** Reads the status that stands for one refused item of an answer. */
  public static Failure of(com.google.rpc.Status status) {
    return read(
        Status.fromCodeValue(status.getCode()).getCode(),
        status.getMessage(),
        status.getDetailsList());
  }

  /** Returns the exception of the class that stands for this failure. */
  public TocsinException exception() {
    return Failures.exception(this);
  }

  private static Failure read(Status.Code code, String description, List<Any> details) {
    String reason = "";
    Map<String, String> metadata = Map.of();
    List<Violation> violations = new ArrayList<>();
    Duration retryDelay = null;
    for (Any detail : details) {
      try {
        if (detail.is(ErrorInfo.class)) {
          ErrorInfo info = detail.unpack(ErrorInfo.class);
          if (info.getDomain().equals(DOMAIN)) {
            reason = info.getReason();
            metadata = info.getMetadataMap();
          }
        } else if (detail.is(BadRequest.class)) {
          detail
              .unpack(BadRequest.class)
              .getFieldViolationsList()
              .forEach(bad -> violations.add(new Violation(bad.getField(), bad.getDescription())));
        } else if (detail.is(RetryInfo.class)) {
          com.google.protobuf.Duration delay = detail.unpack(RetryInfo.class).getRetryDelay();
          retryDelay = duration(delay);
        }
      } catch (InvalidProtocolBufferException malformed) {
        // As above: what can be read is kept.
      }
    }
    return new Failure(code, reason, description, metadata, violations, retryDelay);
  }

  /** What is less than none is none, and what is more than nanoseconds can count is the most. */
  private static Duration duration(com.google.protobuf.Duration delay) {
    long seconds = Math.min(Math.max(delay.getSeconds(), 0), LONGEST_SECONDS);
    return Duration.ofSeconds(seconds, Math.max(delay.getNanos(), 0));
  }

  Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryDelay);
  }
}
