package dev.tocsin.client.error;

/** This server does not offer the call. */
public class UnimplementedException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public UnimplementedException(Failure failure) {
    super(failure);
  }
}
