import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tocsin.client.TocsinClient;
import dev.tocsin.client.TocsinServer;
import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.Recipient;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the documents quote is run, each as a program of its own, against a real server. */
@Timeout(120)
class ExamplesTest {
  private static TocsinServer server;
  private static TocsinClient tocsin;

  @TempDir Path folder;

  @BeforeAll
  static void start(@TempDir Path data) {
    server = TocsinServer.start(data);
    tocsin = TocsinClient.connect(server.address());
  }

  @AfterAll
  static void end() {
    tocsin.close();
    server.close();
  }

  private Process run(String example) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                example)
            .directory(folder.toFile())
            .redirectErrorStream(true);
    builder.environment().put("TOCSIN_SERVER", server.address());
    return builder.start();
  }

  /** Runs an example to its end, which must be a good one; returns its lines. */
  private List<String> output(String example) throws Exception {
    Process process = run(example);
    List<String> lines =
        process.inputReader(StandardCharsets.UTF_8).lines().collect(Collectors.toList());
    assertEquals(0, process.waitFor(), () -> String.join("\n", lines));
    return lines;
  }

  @Test
  void helloReceivesWhatItSent() throws Exception {
    assertEquals(List.of("received: Hello"), output("Hello"));
  }

  @Test
  void badFieldsAreNamed() throws Exception {
    List<String> lines = output("Errors");
    assertTrue(lines.get(0).startsWith("channels[0].address: "), lines.get(0));
  }

  @Test
  void sendSendsOnce() throws Exception {
    List<String> first = output("Send");
    assertTrue(first.get(0).endsWith(" is stored"), first.get(0));
    assertTrue(output("Send").get(0).endsWith(" was stored before"));
  }

  @Test
  void sendInBulkStoresAll() throws Exception {
    assertEquals(List.of("1000 of 1000 are stored"), output("SendInBulk"));
  }

  @Test
  void contactsAreListed() throws Exception {
    List<String> lines = output("Contacts");
    assertTrue(lines.get(0).startsWith("user:ext:42 {"), lines.get(0));
    assertTrue(lines.get(0).contains("email=ann@example.org"), lines.get(0));
  }

  @Test
  void futuresAreChained() throws Exception {
    List<String> lines = output("Futures");
    assertTrue(lines.get(0).startsWith("Your code is "), lines.get(0));
  }

  @Test
  void subscribeGoesOnWhereItWas() throws Exception {
    Recipient user = Recipient.user("0190a5d0-0000-7000-8000-000000000001");
    Process first = run("Subscribe");
    BufferedReader lines = first.inputReader(StandardCharsets.UTF_8);
    while (!Files.exists(folder.resolve("cursor"))) {
      Thread.onSpinWait();
    }
    send(user, "One");
    assertTrue(skipTo(lines, "One").startsWith("One ("));
    first.destroyForcibly().waitFor();
    send(user, "Two");
    Process second = run("Subscribe");
    assertTrue(skipTo(second.inputReader(StandardCharsets.UTF_8), "Two").startsWith("Two ("));
    second.destroyForcibly().waitFor();
  }

  @Test
  void decideDecides() throws Exception {
    Process process = run("Decide");
    Draft deferred =
        Draft.to(Recipient.parse("user:ext:decided in Java"))
            .title("Choose for me")
            .message("please")
            .deferred()
            .build();
    String id = tocsin.send(deferred).notification().id();
    BufferedReader lines = process.inputReader(StandardCharsets.UTF_8);
    assertEquals("Choose for me -> [websocket]", skipTo(lines, "Choose for me"));
    process.destroyForcibly().waitFor();
    assertEquals("Decide.java 1", tocsin.explain(id).get(0).decider());
  }

  private static void send(Recipient user, String title) {
    tocsin.send(
        Draft.to(user).title(title).message("message").channels(ChannelTarget.websocket()).build());
  }

  private static String skipTo(BufferedReader lines, String beginning) throws IOException {
    String line = lines.readLine();
    while (line != null && !line.startsWith(beginning)) {
      line = lines.readLine();
    }
    return line;
  }
}
