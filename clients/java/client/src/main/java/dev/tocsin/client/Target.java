package dev.tocsin.client;

import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Where servers are, in gRPC's terms: checks of the text, before gRPC tries it in vain. */
final class Target {
  private static final Set<String> FOREIGN =
      Set.of("http", "https", "grpc", "grpcs", "ws", "wss", "tcp", "tls");

  private Target() {}

  /** Throws IllegalArgumentException for what is no address but looks like one. */
  static void check(String address) {
    int colon = address.indexOf("://");
    if (colon > 0 && FOREIGN.contains(address.substring(0, colon).toLowerCase(Locale.ROOT))) {
      throw new IllegalArgumentException(
          "'" + address + "': leave out the scheme, write host:port, as in 127.0.0.1:50051");
    }
    if (address.isBlank() || address.chars().anyMatch(Character::isWhitespace)) {
      throw new IllegalArgumentException(
          "'" + address + "' is no address; write host:port, as in 127.0.0.1:50051");
    }
  }

  /** Whether these stay on this machine: Unix sockets, or nothing but loopback addresses. */
  static boolean areLocal(List<String> addresses) {
    return addresses.stream().allMatch(Target::isLocal);
  }

  /**
   * Throws IllegalArgumentException if a token would travel in the clear to another machine, for
   * anybody to read.
   */
  static void checkToken(List<String> addresses, Tls tls) {
    if (tls == null && !areLocal(addresses)) {
      throw new IllegalArgumentException(
          "refusing to send a token to "
              + String.join(", ", addresses)
              + " without encryption: give tls(Tls.system()), or connect through loopback");
    }
  }

  private static boolean isLocal(String address) {
    if (address.startsWith("unix:")) {
      return true;
    }
    String place = address.startsWith("dns:") ? address.substring(4) : address;
    String host = host(place.substring(place.lastIndexOf('/') + 1)).toLowerCase(Locale.ROOT);
    return host.equals("localhost") || host.equals("::1") || host.matches("127(\\.\\d{1,3}){3}");
  }

  /** The host of {@code host:port}, without the brackets of an IPv6 address. */
  static String host(String place) {
    if (place.startsWith("[")) {
      return place.substring(1, Math.max(place.indexOf(']'), 1));
    }
    int colon = place.indexOf(':');
    // More than one colon is an IPv6 address without a port.
    return colon < 0 || colon != place.lastIndexOf(':') ? place : place.substring(0, colon);
  }

  /** The port of {@code host:port}; throws IllegalArgumentException if there is none. */
  static int port(String place) {
    try {
      int port = Integer.parseInt(place.substring(place.lastIndexOf(':') + 1));
      if (port > 0 && port <= 65535 && place.contains(":")) {
        return port;
      }
    } catch (NumberFormatException noNumber) {
      // Falls through to the sentence that says what is right.
    }
    throw new IllegalArgumentException(
        "'" + place + "' has no port: of several addresses each is host:port");
  }
}
