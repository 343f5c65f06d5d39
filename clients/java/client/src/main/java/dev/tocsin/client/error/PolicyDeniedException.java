package dev.tocsin.client.error;

/**
 * A policy of the server forbids what was named; the metadata have {@code channels} and {@code
 * policies}.
 */
public class PolicyDeniedException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public PolicyDeniedException(Failure failure) {
    super(failure);
  }
}
