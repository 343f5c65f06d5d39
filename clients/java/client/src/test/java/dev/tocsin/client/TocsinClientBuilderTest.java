package dev.tocsin.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tocsin.client.model.Recipient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TocsinClientBuilderTest extends WithServer {
  @Test
  void ofSeveralServersOneThatAnswersIsUsed() throws IOException {
    String nobody;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      nobody = "127.0.0.1:" + socket.getLocalPort();
    }
    try (TocsinClient several = TocsinClient.builder(nobody, server.address()).build()) {
      assertEquals(0, several.countUnread(user).count());
    }
    try (TocsinClient named = TocsinClient.connect("dns:///" + server.address())) {
      assertEquals(0, named.countUnread(user).count());
    }
  }

  @Test
  void whatIsNoAddressIsRefused() {
    for (String wrong : new String[] {"http://localhost:50051", "", "two words", "tcp://a:1"}) {
      assertThrows(IllegalArgumentException.class, () -> TocsinClient.connect(wrong), wrong);
    }
    assertThrows(IllegalArgumentException.class, () -> TocsinClient.builder());
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class, () -> TocsinClient.builder("a", "b:1").build());
    assertTrue(refused.getMessage().contains("'a' has no port"), refused.getMessage());
  }

  @Test
  void aTokenIsNotSentInTheClearToAnotherMachine() {
    for (String far : new String[] {"tocsin.internal:50051", "dns:///10.0.0.1:1", "[fe80::1]:1"}) {
      assertThrows(
          IllegalArgumentException.class, () -> TocsinClient.builder(far).token("secret").build());
      TocsinClient.builder(far).token("secret").tls(Tls.system()).build().close();
    }
    for (String near : new String[] {"localhost:1", "127.0.0.1:1", "[::1]:1", "unix:/tmp/none"}) {
      TocsinClient.builder(near).token("secret").build().close();
    }
  }

  @Test
  void aTokenWithALineBreakIsRefusedWithoutShowingIt() {
    TocsinClient other = tocsin.withToken("secret\n");
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> other.countUnread(user));
    assertTrue(refused.getMessage().endsWith("strip it"), refused.getMessage());
  }

  @Test
  void timesThatAreNoneAreRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> TocsinClient.builder("a:1").deadline(Duration.ZERO));
    assertThrows(
        IllegalArgumentException.class,
        () -> TocsinClient.builder("a:1").silence(Duration.ofDays(2)));
    assertThrows(
        IllegalArgumentException.class,
        () -> BulkOptions.defaults().withLinger(Duration.ofMillis(-1)));
    assertThrows(IllegalArgumentException.class, () -> BulkOptions.defaults().withBatches(1001, 1));
  }

  @Test
  void aCertificateThatIsNoneIsRefused(@TempDir Path folder) throws IOException {
    Path nonsense = Files.writeString(folder.resolve("ca.pem"), "nonsense");
    Tls tls = Tls.trusting(nonsense);
    assertThrows(
        RuntimeException.class,
        () -> {
          try (TocsinClient other = TocsinClient.builder(server.address()).tls(tls).build()) {
            other.withDeadline(Duration.ofMillis(200)).countUnread(Recipient.parse("guest"));
          }
        });
    assertThrows(IOException.class, () -> Tls.trusting(folder.resolve("none.pem")));
  }
}
