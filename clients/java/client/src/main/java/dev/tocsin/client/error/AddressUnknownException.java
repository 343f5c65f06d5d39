package dev.tocsin.client.error;

/** A named channel has no address: none was given, and the recipient's contact has none. */
public class AddressUnknownException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public AddressUnknownException(Failure failure) {
    super(failure);
  }
}
