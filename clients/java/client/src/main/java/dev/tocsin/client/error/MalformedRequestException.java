package dev.tocsin.client.error;

/** The server could not read the request; usually it and the client disagree about the API. */
public class MalformedRequestException extends InvalidArgumentException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public MalformedRequestException(Failure failure) {
    super(failure);
  }
}
