package dev.tocsin.client.error;

/** Something between client and server lost data; Tocsin itself never says so. */
public class DataLossException extends TocsinException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public DataLossException(Failure failure) {
    super(failure);
  }
}
