package dev.tocsin.client.error;

/** As many streams as are allowed are open. */
public class TooManyStreamsException extends ResourceExhaustedException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public TooManyStreamsException(Failure failure) {
    super(failure);
  }
}
