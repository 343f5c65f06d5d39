package dev.tocsin.client.error;

/** There is no notification with this id. */
public class NotificationNotFoundException extends NotFoundException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public NotificationNotFoundException(Failure failure) {
    super(failure);
  }
}
