package dev.tocsin.client.error;

/**
 * A policy's limit on how much is sent is reached; {@link #retryAfter()} says when its window ends.
 */
public class PolicyLimitException extends ResourceExhaustedException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public PolicyLimitException(Failure failure) {
    super(failure);
  }
}
