package dev.tocsin.client;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The real server, in a process of its own. */
public final class TocsinServer implements AutoCloseable {
  /** Seconds after which a start or an end has failed: never reached unless something hangs. */
  private static final int PATIENCE = 60;

  private static final String ANNOUNCEMENT = "Tocsin serves gRPC on ";

  private final Process process;
  private final String address;

  private TocsinServer(Process process, String address) {
    this.process = process;
    this.address = address;
  }

  /** Starts one in development mode on any free port, with an empty database in this folder. */
  public static TocsinServer start(Path folder) {
    return start(folder, "127.0.0.1:0", Map.of());
  }

  /**
   * Starts one that listens at an address, with further settings, on the database that is in the
   * folder.
   */
  static TocsinServer start(Path folder, String listen, Map<String, String> settings) {
    List<String> command = new ArrayList<>(List.of(program().toString()));
    command.addAll(List.of("serve", "--dev", "--listen", listen));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectError(folder.resolve("server.log").toFile());
    builder.environment().keySet().removeIf(name -> name.startsWith("TOCSIN_"));
    builder.environment().put("TOCSIN_METRICS_LISTEN", "off");
    builder.environment().put("PYTHONUNBUFFERED", "1");
    builder.environment().putAll(settings);
    try {
      Process process = builder.start();
      return new TocsinServer(process, announced(process, folder));
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  private static String announced(Process process, Path folder) throws IOException {
    BufferedReader output = process.inputReader(StandardCharsets.UTF_8);
    String line = output.readLine();
    while (line != null && !line.startsWith(ANNOUNCEMENT)) {
      line = output.readLine();
    }
    if (line == null) {
      throw new IllegalStateException(
          "the server ended instead of starting:\n"
              + Files.readString(folder.resolve("server.log")));
    }
    Thread reader = new Thread(() -> output.lines().forEach(ignored -> {}), "server's output");
    reader.setDaemon(true);
    reader.start();
    return line.substring(ANNOUNCEMENT.length()).split(" ")[0];
  }

  /** The program, from TOCSIN_PROGRAM or the environment in the repository's root. */
  private static Path program() {
    String named = System.getenv("TOCSIN_PROGRAM");
    Path program =
        named == null
            ? Path.of("").toAbsolutePath().resolve("../../../.venv/bin/tocsin").normalize()
            : Path.of(named);
    if (!Files.isExecutable(program)) {
      throw new IllegalStateException(
          program + " is not there: run make in the repository's root, or set TOCSIN_PROGRAM");
    }
    return program;
  }

  /** Where it listens. */
  public String address() {
    return address;
  }

  /** Ends it as kill -9 does. */
  void kill() {
    process.destroyForcibly();
    await();
  }

  /** Ends it as SIGTERM does. */
  @Override
  public void close() {
    process.destroy();
    await();
  }

  private void await() {
    try {
      if (!process.waitFor(PATIENCE, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IllegalStateException("the server does not end");
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
