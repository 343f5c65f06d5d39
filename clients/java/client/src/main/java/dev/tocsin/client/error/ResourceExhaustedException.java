package dev.tocsin.client.error;

/** Over a limit; {@link #retryAfter()} says when to try again. */
public class ResourceExhaustedException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public ResourceExhaustedException(Failure failure) {
    super(failure);
  }
}
