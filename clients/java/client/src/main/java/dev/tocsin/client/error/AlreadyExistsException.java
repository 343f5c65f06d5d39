package dev.tocsin.client.error;

/** What was to be created exists already. */
public class AlreadyExistsException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public AlreadyExistsException(Failure failure) {
    super(failure);
  }
}
