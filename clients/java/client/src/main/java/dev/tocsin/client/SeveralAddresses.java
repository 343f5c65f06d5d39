package dev.tocsin.client;

import io.grpc.Attributes;
import io.grpc.EquivalentAddressGroup;
import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import io.grpc.StatusOr;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;

/**
 * Gives a channel a fixed list of servers. Handed to one channel alone, never to gRPC's global
 * registry.
 */
final class SeveralAddresses extends NameResolverProvider {
  static final String SCHEME = "tocsin-list";

  private final List<String> places;

  SeveralAddresses(List<String> places) {
    places.forEach(Target::port);
    this.places = places;
  }

  @Override
  public NameResolver newNameResolver(URI target, NameResolver.Args args) {
    return new NameResolver() {
      private volatile Listener2 listener;

      @Override
      public String getServiceAuthority() {
        return places.get(0);
      }

      @Override
      public void start(Listener2 listener) {
        this.listener = listener;
        refresh();
      }

      // Looking names up blocks, which gRPC's own thread must not.
      @Override
      public void refresh() {
        args.getOffloadExecutor()
            .execute(
                () -> {
                  ResolutionResult found = found();
                  args.getSynchronizationContext().execute(() -> listener.onResult(found));
                });
      }

      @Override
      public void shutdown() {}
    };
  }

  private NameResolver.ResolutionResult found() {
    return NameResolver.ResolutionResult.newBuilder()
        .setAddressesOrError(
            StatusOr.fromValue(places.stream().map(SeveralAddresses::group).toList()))
        .build();
  }

  /** Each server's certificate is for its own name. */
  private static EquivalentAddressGroup group(String place) {
    return new EquivalentAddressGroup(
        new InetSocketAddress(Target.host(place), Target.port(place)),
        Attributes.newBuilder().set(EquivalentAddressGroup.ATTR_AUTHORITY_OVERRIDE, place).build());
  }

  @Override
  protected boolean isAvailable() {
    return true;
  }

  @Override
  protected int priority() {
    return 5;
  }

  @Override
  public String getDefaultScheme() {
    return SCHEME;
  }
}
