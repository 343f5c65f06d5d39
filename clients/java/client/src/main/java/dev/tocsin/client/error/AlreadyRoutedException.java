package dev.tocsin.client.error;

/** The notification's channels are decided already. */
public class AlreadyRoutedException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public AlreadyRoutedException(Failure failure) {
    super(failure);
  }
}
