package dev.tocsin.client.error;

/** The request is larger than any request of its kind can be. */
public class RequestTooLargeException extends InvalidArgumentException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public RequestTooLargeException(Failure failure) {
    super(failure);
  }
}
