package dev.tocsin.client.error;

/** The live feed was named for a recipient without an id, who has none. */
public class RecipientNotRegisteredException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public RecipientNotRegisteredException(Failure failure) {
    super(failure);
  }
}
