package dev.tocsin.client.error;

/**
 * The idempotency key was used before, with other content; {@code metadata().get("id")} is the
 * notification that has it.
 */
public class IdempotencyKeyReusedException extends AlreadyExistsException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public IdempotencyKeyReusedException(Failure failure) {
    super(failure);
  }
}
