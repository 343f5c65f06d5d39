package dev.tocsin.client.error;

/** No credentials, or ones that the server does not accept. */
public class UnauthenticatedException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public UnauthenticatedException(Failure failure) {
    super(failure);
  }
}
