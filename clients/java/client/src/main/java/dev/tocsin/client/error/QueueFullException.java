package dev.tocsin.client.error;

/** More notifications wait to be stored than the server can hold. Slow down and repeat. */
public class QueueFullException extends ResourceExhaustedException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public QueueFullException(Failure failure) {
    super(failure);
  }
}
