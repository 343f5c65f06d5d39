package dev.tocsin.client.error;

/** The lease has ended, and the notification is undecided. Lease it anew. */
public class LeaseExpiredException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public LeaseExpiredException(Failure failure) {
    super(failure);
  }
}
