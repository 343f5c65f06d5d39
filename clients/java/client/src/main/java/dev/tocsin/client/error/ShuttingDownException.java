package dev.tocsin.client.error;

/** The server is going away. Repeating reaches another one, or the same after its restart. */
public class ShuttingDownException extends UnavailableException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public ShuttingDownException(Failure failure) {
    super(failure);
  }
}
