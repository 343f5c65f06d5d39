package dev.tocsin.client.error;

/** A cursor is not one that this server gave out. Start again from the list. */
public class MalformedCursorException extends InvalidArgumentException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public MalformedCursorException(Failure failure) {
    super(failure);
  }
}
