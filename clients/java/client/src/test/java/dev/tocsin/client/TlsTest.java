package dev.tocsin.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.error.UnavailableException;
import dev.tocsin.client.model.Recipient;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TlsTest {
  private static final Recipient USER = Recipient.user("0190a5d0-0000-7000-8000-000000000001");

  private static Identity serverIdentity;
  private static Identity clientIdentity;
  private static TocsinServer server;

  /** A certificate that vouches for itself, and its key. */
  private record Identity(Path certificate, Path key) {
    static Identity make(Path folder, String name) throws Exception {
      Path store = folder.resolve(name + ".p12");
      Process keytool =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                  "-genkeypair",
                  "-alias",
                  name,
                  "-keyalg",
                  "EC",
                  "-groupname",
                  "secp256r1",
                  "-dname",
                  "CN=" + name,
                  "-ext",
                  "san=dns:localhost,ip:127.0.0.1",
                  "-ext",
                  "bc=ca:true",
                  "-validity",
                  "30",
                  "-storetype",
                  "PKCS12",
                  "-keystore",
                  store.toString(),
                  "-storepass",
                  "changeit")
              .redirectErrorStream(true)
              .start();
      String output = new String(keytool.getInputStream().readAllBytes(), UTF_8);
      assertEquals(0, keytool.waitFor(), output);
      KeyStore keys = KeyStore.getInstance("PKCS12");
      char[] password = "changeit".toCharArray();
      try (InputStream input = Files.newInputStream(store)) {
        keys.load(input, password);
      }
      return new Identity(
          pem(folder, name, "CERTIFICATE", keys.getCertificate(name).getEncoded()),
          pem(folder, name, "PRIVATE KEY", keys.getKey(name, password).getEncoded()));
    }

    private static Path pem(Path folder, String name, String label, byte[] content)
        throws Exception {
      String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
      return Files.writeString(
          folder.resolve(name + " " + label + ".pem"),
          "-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----\n");
    }
  }

  @BeforeAll
  static void start(@TempDir Path folder) throws Exception {
    serverIdentity = Identity.make(folder, "server");
    clientIdentity = Identity.make(folder, "client");
    Map<String, String> settings =
        Map.of(
            "TOCSIN_TLS_CERT", serverIdentity.certificate.toString(),
            "TOCSIN_TLS_KEY", serverIdentity.key.toString(),
            "TOCSIN_TLS_CLIENT_CA", clientIdentity.certificate.toString());
    server = TocsinServer.start(folder, "127.0.0.1:0", settings);
  }

  @AfterAll
  static void end() {
    server.close();
  }

  private static long unread(Tls tls) {
    try (TocsinClient tocsin =
        TocsinClient.builder(server.address()).tls(tls).deadline(Duration.ofSeconds(2)).build()) {
      return tocsin.countUnread(USER).count();
    }
  }

  @Test
  void anOwnAuthorityIsTrustedAndACertificateShown() throws Exception {
    Tls tls =
        Tls.trusting(serverIdentity.certificate)
            .withCertificate(clientIdentity.certificate, clientIdentity.key);
    assertEquals(0, unread(tls));
    assertEquals(0, unread(tls.withServerName("localhost")));
    assertThrows(UnavailableException.class, () -> unread(tls.withServerName("example.org")));
  }

  @Test
  void anAuthorityThatIsNotTrustedIsToldAsWhatItIs() {
    TocsinException refused = assertThrows(UnavailableException.class, () -> unread(Tls.system()));
    assertTrue(
        refused.getMessage().contains("unable to find valid certification path"),
        refused.getMessage());
  }

  @Test
  void aServerThatAsksForACertificateGetsOneOrRefuses() throws Exception {
    Tls tls = Tls.trusting(serverIdentity.certificate);
    assertThrows(UnavailableException.class, () -> unread(tls));
  }
}
