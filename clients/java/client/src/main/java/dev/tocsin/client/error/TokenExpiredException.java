package dev.tocsin.client.error;

/** The token was valid until {@code metadata().get("expired_at")}. Get a new one and repeat. */
public class TokenExpiredException extends UnauthenticatedException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public TokenExpiredException(Failure failure) {
    super(failure);
  }
}
