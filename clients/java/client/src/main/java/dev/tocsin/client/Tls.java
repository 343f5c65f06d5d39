package dev.tocsin.client;

import io.grpc.ChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How to protect the connection. Immutable; each method returns another one.
 *
 * <pre>{@code
 * Tls.system()                                       // the server is known to the JDK's own authorities
 * Tls.trusting(Path.of("/etc/tocsin/ca.pem"))        // to an authority of your own
 *     .withCertificate(Path.of("me.pem"), Path.of("me.key"))
 * }</pre>
 */
public final class Tls {
  private final byte[] authorities;
  private final byte[] certificate;
  private final byte[] key;
  private final String serverName;

  private Tls(byte[] authorities, byte[] certificate, byte[] key, String serverName) {
    this.authorities = authorities;
    this.certificate = certificate;
    this.key = key;
    this.serverName = serverName;
  }

  /** The server's certificate is of an authority that the JDK trusts. */
  public static Tls system() {
    return new Tls(null, null, null, null);
  }

  /**
   * The server's certificate is of one of these authorities.
   *
   * @param authorities a file of certificates in PEM
   * @throws IOException if it cannot be read
   */
  public static Tls trusting(Path authorities) throws IOException {
    return new Tls(Files.readAllBytes(authorities), null, null, null);
  }

  /**
   * The same with a certificate of the client's own, for servers that ask for one.
   *
   * @param certificate a file with the certificate, and those up to its authority, in PEM
   * @param key a file with its key, in PEM (PKCS #8: {@code BEGIN PRIVATE KEY})
   * @throws IOException if one cannot be read
   */
  public Tls withCertificate(Path certificate, Path key) throws IOException {
    return new Tls(
        authorities, Files.readAllBytes(certificate), Files.readAllBytes(key), serverName);
  }

  /** The same, expecting this name in the server's certificate instead of the address's. */
  public Tls withServerName(String serverName) {
    return new Tls(authorities, certificate, key, serverName);
  }

  Optional<String> serverName() {
    return Optional.ofNullable(serverName);
  }

  ChannelCredentials credentials() {
    TlsChannelCredentials.Builder made = TlsChannelCredentials.newBuilder();
    try {
      if (authorities != null) {
        made.trustManager(new ByteArrayInputStream(authorities));
      }
      if (certificate != null) {
        made.keyManager(new ByteArrayInputStream(certificate), new ByteArrayInputStream(key));
      }
    } catch (IOException impossible) {
      throw new IllegalStateException("memory can be read", impossible);
    }
    return made.build();
  }
}
