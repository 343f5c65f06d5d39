package dev.tocsin.client.error;

/** The notification has expired, so that it can be neither retried nor routed. */
public class ExpiredException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public ExpiredException(Failure failure) {
    super(failure);
  }
}
