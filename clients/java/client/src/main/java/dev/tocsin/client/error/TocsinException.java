package dev.tocsin.client.error;

import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Why a call failed. Every failure is a subclass: one for each canonical gRPC code, and below them
 * one for each reason that the API documents.
 *
 * <p>A reason that is newer than this client comes as the class of its code, with all that belongs
 * to it. Programs should go by class, {@link #reason()} and {@link #metadata()}: the message is for
 * people and may change.
 */
public class TocsinException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What is known of the failure. */
  private final Failure failure;

  /** Makes one of what a server, or gRPC, has said. */
  protected TocsinException(Failure failure) {
    super(sentence(failure));
    this.failure = failure;
  }

  /** Canonical gRPC code. */
  public Status.Code code() {
    return failure.code();
  }

  /**
   * Why, more exactly, such as {@code NOTIFICATION_NOT_FOUND}; empty if no Tocsin server said so
   * but gRPC, a proxy, or the caller's own deadline.
   */
  public String reason() {
    return failure.reason();
  }

  /** The message without code and reason: a sentence for people. */
  public String description() {
    return failure.description();
  }

  /** The facts that the reason documents. */
  public Map<String, String> metadata() {
    return failure.metadata();
  }

  /** Every bad field of the request, for an {@link InvalidFieldException}. */
  public List<Violation> violations() {
    return failure.violations();
  }

  /** How long to wait at least before trying again, if the server named a time. */
  public Optional<Duration> retryAfter() {
    return failure.retryAfter();
  }

  /** All of it as one value. */
  public Failure failure() {
    return failure;
  }

  private static String sentence(Failure failure) {
    String code = failure.code().name();
    String reason = failure.reason();
    String label = reason.isEmpty() || reason.equals(code) ? code : code + " (" + reason + ")";
    return failure.description().isEmpty() ? label : label + ": " + failure.description();
  }
}
