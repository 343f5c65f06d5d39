package dev.tocsin.client.error;

/** A named channel has no provider on this server. */
public class ChannelNotConfiguredException extends FailedPreconditionException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public ChannelNotConfiguredException(Failure failure) {
    super(failure);
  }
}
