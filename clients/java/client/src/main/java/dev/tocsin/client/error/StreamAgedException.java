package dev.tocsin.client.error;

/** A stream has reached its greatest age, as planned. A subscription resumes by itself. */
public class StreamAgedException extends UnavailableException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public StreamAgedException(Failure failure) {
    super(failure);
  }
}
