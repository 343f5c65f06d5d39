package dev.tocsin.client.error;

/** The server cannot reach its database. */
public class DatabaseUnavailableException extends UnavailableException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public DatabaseUnavailableException(Failure failure) {
    super(failure);
  }
}
