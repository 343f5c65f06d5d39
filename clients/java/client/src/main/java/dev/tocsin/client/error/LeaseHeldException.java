package dev.tocsin.client.error;

/** Another caller holds the notification that was to be decided. */
public class LeaseHeldException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public LeaseHeldException(Failure failure) {
    super(failure);
  }
}
