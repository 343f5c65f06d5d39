package dev.tocsin.client.error;

/**
 * A stream was read more slowly than events came. Nothing is lost: a subscription resumes by
 * itself.
 */
public class SubscriberTooSlowException extends ResourceExhaustedException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public SubscriberTooSlowException(Failure failure) {
    super(failure);
  }
}
