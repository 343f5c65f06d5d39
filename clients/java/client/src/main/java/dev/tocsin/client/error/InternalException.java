package dev.tocsin.client.error;

/**
 * A fault in the server, which {@code metadata().get("incident")} finds in its log. Without a
 * reason: a connection that broke in an unusual way.
 */
public class InternalException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public InternalException(Failure failure) {
    super(failure);
  }
}
