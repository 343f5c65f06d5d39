package dev.tocsin.client.error;

/** Something between client and server refused a value; Tocsin itself never says so. */
public class OutOfRangeException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public OutOfRangeException(Failure failure) {
    super(failure);
  }
}
