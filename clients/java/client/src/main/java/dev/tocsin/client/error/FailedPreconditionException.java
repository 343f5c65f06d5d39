package dev.tocsin.client.error;

/** Right in form, but impossible as things stand. */
public class FailedPreconditionException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public FailedPreconditionException(Failure failure) {
    super(failure);
  }
}
