// Shows what the server says of a notification that cannot be sent.

import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.error.InvalidFieldException;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.error.Violation;
import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.RecipientType;

class Errors {
  public static void main(String[] args) {
    String server = System.getenv().getOrDefault("TOCSIN_SERVER", "127.0.0.1:50051");
    Draft draft =
        Draft.to(Recipient.unregistered(RecipientType.GUEST))
            .title("Your code")
            .message("824193")
            .channels(ChannelTarget.sms("not a number"))
            .build();
    try (TocsinClient tocsin = TocsinClient.connect(server)) {
      // quote: errors
      try {
        tocsin.send(draft);
      } catch (InvalidFieldException error) {
        for (Violation violation : error.violations()) {
          System.out.println(violation.field() + ": " + violation.description());
        }
      } catch (TocsinException error) {
        System.out.println(error.code() + " " + error.reason() + " " + error.metadata());
      }
      // end of quote
    }
  }
}
