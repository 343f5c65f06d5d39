package dev.tocsin.client.error;

/** Fields are missing or wrong: {@link #violations()} names all of them at once. */
public class InvalidFieldException extends InvalidArgumentException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public InvalidFieldException(Failure failure) {
    super(failure);
  }
}
