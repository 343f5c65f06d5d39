package dev.tocsin.client.error;

/** A batch has more than 1,000 drafts or more than 2 MiB. Nothing was accepted; split it. */
public class BatchTooLargeException extends InvalidArgumentException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public BatchTooLargeException(Failure failure) {
    super(failure);
  }
}
