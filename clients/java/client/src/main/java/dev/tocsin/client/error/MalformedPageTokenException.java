package dev.tocsin.client.error;

/** A page token is not one that this server gave out, or the conditions have changed since. */
public class MalformedPageTokenException extends InvalidArgumentException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public MalformedPageTokenException(Failure failure) {
    super(failure);
  }
}
