package dev.tocsin.client.error;

/** No channel was named, and the routing rules found none. */
public class NoRouteException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public NoRouteException(Failure failure) {
    super(failure);
  }
}
