package dev.tocsin.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.RecipientType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class RecipientTest {
  @Test
  void externalIdsLeadToTheSameIdsAsInEveryOtherLanguage() throws IOException {
    String text = Files.readString(Path.of("../../conformance/external_ids.json"));
    JsonObject file = JsonParser.parseString(text).getAsJsonObject();
    assertEquals(Recipient.NAMESPACE.toString(), file.get("namespace").getAsString());
    for (JsonElement element : file.getAsJsonArray("recipients")) {
      JsonObject one = element.getAsJsonObject();
      RecipientType type = RecipientType.of(one.get("type").getAsString());
      Recipient derived = Recipient.external(type, one.get("external_id").getAsString());
      assertEquals(one.get("id").getAsString(), derived.id());
      assertEquals(Recipient.of(type, derived.id()), derived);
    }
    assertTrue(file.getAsJsonArray("recipients").size() >= 5);
  }

  @Test
  void textIsReadAsItIsWritten() {
    for (String text :
        new String[] {
          "guest", "user:ext:42", "partner:ext:a:b", "user:0190a5d0-0000-7000-8000-000000000001"
        }) {
      assertEquals(text, Recipient.parse(text).toString());
    }
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> Recipient.parse("owner:1"));
    assertEquals(
        "'owner' is not one of user, guest, potential_customer, partner, other",
        refused.getMessage());
  }

  @Test
  void idAndExternalIdCannotNameTwoRecipients() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new Recipient(RecipientType.USER, "0190a5d0-0000-7000-8000-000000000001", "42"));
  }
}
