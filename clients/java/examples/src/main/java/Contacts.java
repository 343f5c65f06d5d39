// Keeps how a recipient can be reached.

// quote: contacts
import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.model.ChannelType;
import dev.tocsin.client.model.Contact;
import dev.tocsin.client.model.ContactQuery;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.RecipientType;
import java.util.Map;

class Contacts {
  public static void main(String[] args) {
    String server = System.getenv().getOrDefault("TOCSIN_SERVER", "127.0.0.1:50051");
    try (TocsinClient tocsin = TocsinClient.connect(server)) {
      tocsin.putContact(
          Contact.of(
                  Recipient.external(RecipientType.USER, "42"),
                  Map.of(ChannelType.EMAIL, "ann@example.org", ChannelType.SMS, "+442079460000"))
              .withLocale("pt-BR")
              .withTimeZone("Europe/Lisbon"));
      tocsin
          .contacts(ContactQuery.all().withRecipientType(RecipientType.USER))
          .forEach(contact -> System.out.println(contact.recipient() + " " + contact.addresses()));
    }
  }
}
// end of quote
