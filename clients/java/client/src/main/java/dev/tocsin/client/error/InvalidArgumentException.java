package dev.tocsin.client.error;

/** The request can never succeed as it is. */
public class InvalidArgumentException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public InvalidArgumentException(Failure failure) {
    super(failure);
  }
}
