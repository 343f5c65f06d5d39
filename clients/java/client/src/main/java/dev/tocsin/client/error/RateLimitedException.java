package dev.tocsin.client.error;

/** The caller makes more calls per second than its limit allows. */
public class RateLimitedException extends ResourceExhaustedException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public RateLimitedException(Failure failure) {
    super(failure);
  }
}
