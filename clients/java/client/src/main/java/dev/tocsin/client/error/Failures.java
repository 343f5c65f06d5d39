package dev.tocsin.client.error;

import io.grpc.Status;
import java.util.Map;
import java.util.function.Function;

/** Which class stands for which failure: its reason's, or if that is not known its code's. */
final class Failures {
  private static final Map<String, Function<Failure, TocsinException>> BY_REASON =
      Map.ofEntries(
          Map.entry("INVALID_FIELD", InvalidFieldException::new),
          Map.entry("MALFORMED_REQUEST", MalformedRequestException::new),
          Map.entry("MALFORMED_CURSOR", MalformedCursorException::new),
          Map.entry("MALFORMED_PAGE_TOKEN", MalformedPageTokenException::new),
          Map.entry("BATCH_TOO_LARGE", BatchTooLargeException::new),
          Map.entry("REQUEST_TOO_LARGE", RequestTooLargeException::new),
          Map.entry("NOTIFICATION_NOT_FOUND", NotificationNotFoundException::new),
          Map.entry("CONTACT_NOT_FOUND", ContactNotFoundException::new),
          Map.entry("IDEMPOTENCY_KEY_REUSED", IdempotencyKeyReusedException::new),
          Map.entry("CHANNEL_NOT_CONFIGURED", ChannelNotConfiguredException::new),
          Map.entry("ADDRESS_UNKNOWN", AddressUnknownException::new),
          Map.entry("RECIPIENT_NOT_REGISTERED", RecipientNotRegisteredException::new),
          Map.entry("NO_ROUTE", NoRouteException::new),
          Map.entry("ALREADY_SETTLED", AlreadySettledException::new),
          Map.entry("ALREADY_ROUTED", AlreadyRoutedException::new),
          Map.entry("NOT_RETRYABLE", NotRetryableException::new),
          Map.entry("EXPIRED", ExpiredException::new),
          Map.entry("POLICY_DENIED", PolicyDeniedException::new),
          Map.entry("LEASE_HELD", LeaseHeldException::new),
          Map.entry("LEASE_EXPIRED", LeaseExpiredException::new),
          Map.entry("TOKEN_EXPIRED", TokenExpiredException::new),
          Map.entry("RATE_LIMITED", RateLimitedException::new),
          Map.entry("TOO_MANY_STREAMS", TooManyStreamsException::new),
          Map.entry("QUEUE_FULL", QueueFullException::new),
          Map.entry("SUBSCRIBER_TOO_SLOW", SubscriberTooSlowException::new),
          Map.entry("POLICY_LIMIT", PolicyLimitException::new),
          Map.entry("DATABASE_UNAVAILABLE", DatabaseUnavailableException::new),
          Map.entry("SHUTTING_DOWN", ShuttingDownException::new),
          Map.entry("STREAM_AGED", StreamAgedException::new),
          Map.entry("NOT_IMPLEMENTED", NotImplementedException::new));

  private Failures() {}

  static TocsinException exception(Failure failure) {
    Function<Failure, TocsinException> made = BY_REASON.get(failure.reason());
    return (made == null ? byCode(failure.code()) : made).apply(failure);
  }

  private static Function<Failure, TocsinException> byCode(Status.Code code) {
    return switch (code) {
      case ABORTED -> AbortedException::new;
      case ALREADY_EXISTS -> AlreadyExistsException::new;
      case CANCELLED -> CancelledException::new;
      case DATA_LOSS -> DataLossException::new;
      case DEADLINE_EXCEEDED -> DeadlineExceededException::new;
      case FAILED_PRECONDITION -> FailedPreconditionException::new;
      case INTERNAL -> InternalException::new;
      case INVALID_ARGUMENT -> InvalidArgumentException::new;
      case NOT_FOUND -> NotFoundException::new;
      case OUT_OF_RANGE -> OutOfRangeException::new;
      case PERMISSION_DENIED -> PermissionDeniedException::new;
      case RESOURCE_EXHAUSTED -> ResourceExhaustedException::new;
      case UNAUTHENTICATED -> UnauthenticatedException::new;
      case UNAVAILABLE -> UnavailableException::new;
      case UNIMPLEMENTED -> UnimplementedException::new;
      case UNKNOWN -> UnknownException::new;
      case OK -> UnknownException::new;
    };
  }
}
