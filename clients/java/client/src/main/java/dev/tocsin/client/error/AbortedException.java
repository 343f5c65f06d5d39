package dev.tocsin.client.error;

/** Something between client and server aborted the call; Tocsin itself never does. */
public class AbortedException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public AbortedException(Failure failure) {
    super(failure);
  }
}
