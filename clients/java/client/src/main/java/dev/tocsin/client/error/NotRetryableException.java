package dev.tocsin.client.error;

/** A channel to be retried has not failed, or the notification does not have it. */
public class NotRetryableException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public NotRetryableException(Failure failure) {
    super(failure);
  }
}
