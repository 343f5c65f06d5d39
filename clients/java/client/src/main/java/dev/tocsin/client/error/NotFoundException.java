package dev.tocsin.client.error;

/** What was asked for does not exist. */
public class NotFoundException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public NotFoundException(Failure failure) {
    super(failure);
  }
}
