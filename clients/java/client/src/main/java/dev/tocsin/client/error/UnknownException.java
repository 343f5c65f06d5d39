package dev.tocsin.client.error;

/** Something between client and server failed without saying how. */
public class UnknownException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public UnknownException(Failure failure) {
    super(failure);
  }
}
