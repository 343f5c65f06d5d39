package dev.tocsin.client.error;

/** Nothing of the notification is outstanding, so there is nothing to cancel or decide. */
public class AlreadySettledException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public AlreadySettledException(Failure failure) {
    super(failure);
  }
}
