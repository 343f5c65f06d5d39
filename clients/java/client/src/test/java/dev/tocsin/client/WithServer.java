package dev.tocsin.client;

import dev.tocsin.client.model.ChannelTarget;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.Recipient;
import java.io.IOException;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Tests that share a real server, each with a client and a recipient of its own. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class WithServer {
  TocsinServer server;
  TocsinClient tocsin;
  Recipient user;

  @BeforeAll
  void startServer(@TempDir Path folder) throws IOException {
    server = TocsinServer.start(folder);
  }

  @AfterAll
  void endServer() {
    server.close();
  }

  @BeforeEach
  void open() {
    tocsin = TocsinClient.connect(server.address());
    user = Recipient.user(UUID.randomUUID());
  }

  @AfterEach
  void close() {
    tocsin.close();
  }

  Draft.Builder draft() {
    return Draft.to(user)
        .title("Your order has shipped")
        .message("It arrives on Friday.")
        .channels(ChannelTarget.websocket());
  }
}
