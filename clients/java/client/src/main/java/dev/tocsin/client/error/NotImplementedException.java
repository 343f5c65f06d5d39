package dev.tocsin.client.error;

/** The call is part of the API, but this server does not offer it. */
public class NotImplementedException extends UnimplementedException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public NotImplementedException(Failure failure) {
    super(failure);
  }
}
