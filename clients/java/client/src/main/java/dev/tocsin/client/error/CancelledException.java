package dev.tocsin.client.error;

/** The call was cancelled: by its caller, by closing the client, or by interrupting the thread. */
public class CancelledException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public CancelledException(Failure failure) {
    super(failure);
  }
}
