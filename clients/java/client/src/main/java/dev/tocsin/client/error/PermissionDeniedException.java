package dev.tocsin.client.error;

/** The credentials are good but do not allow this. */
public class PermissionDeniedException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public PermissionDeniedException(Failure failure) {
    super(failure);
  }
}
