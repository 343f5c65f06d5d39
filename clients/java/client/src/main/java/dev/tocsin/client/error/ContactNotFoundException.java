package dev.tocsin.client.error;

/** There is no contact for this recipient. */
public class ContactNotFoundException extends NotFoundException {
  private static final long serialVersionUID = 1L;

  /** Makes one of what a server, or gRPC, has said. */
  public ContactNotFoundException(Failure failure) {
    super(failure);
  }
}
