package dev.tocsin.client.error;

/**
 * No answer came in time. Whether the call took effect is open; repeat a send with the same
 * idempotency key to know.
 */
public class DeadlineExceededException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public DeadlineExceededException(Failure failure) {
    super(failure);
  }
}
