package dev.tocsin.client.model;

/** What became of one draft of a batch: {@link Accepted} or {@link Refused}. */
public sealed interface BatchResult permits Accepted, Refused {
  /** Returns what was accepted; throws the error of what was refused. */
  default Accepted accepted() {
    if (this instanceof Refused refused) {
      throw refused.error();
    }
    return (Accepted) this;
  }
}
