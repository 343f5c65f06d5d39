package dev.tocsin.client.error;

/**
 * The server cannot be reached or is going away. Whether the call took effect is open; repeat a
 * send with the same idempotency key to know.
 */
public class UnavailableException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public UnavailableException(Failure failure) {
    super(failure);
  }
}
