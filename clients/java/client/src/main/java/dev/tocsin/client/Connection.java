package dev.tocsin.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioIoHandler;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioSocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A channel with its threads, and what is under way on it. */
final class Connection {
  /**
   * Without traffic for so long, ask whether the line still stands; servers refuse to be asked
   * every 30 s.
   */
  private static final long KEEPALIVE_SECONDS = 60;

  private static final long KEEPALIVE_TIMEOUT_SECONDS = 20;

  /** How long {@link #close} waits for each part. */
  private static final long PATIENCE_SECONDS = 5;

  /** Something that lives until the connection is closed, at the latest. */
  interface Tenant {
    /** Ends, soon and without throwing. */
    void evict();
  }

  final ManagedChannel channel;
  final Threads threads = new Threads();
  // gRPC's own loops are shared by all channels of the process, and outlive the last one by a
  // second.
  private final EventLoopGroup loop =
      new MultiThreadIoEventLoopGroup(1, threads.factory, NioIoHandler.newFactory());
  private final Set<Tenant> tenants = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  private final List<String> addresses;
  private final Tls tls;

  Connection(List<String> addresses, Tls tls, Consumer<ManagedChannelBuilder<?>> adjust) {
    this.addresses = addresses;
    this.tls = tls;
    try {
      channel = channel(adjust);
    } catch (RuntimeException refused) {
      // A key in a form that gRPC does not read, for one.
      loop.shutdownGracefully(0, PATIENCE_SECONDS, TimeUnit.SECONDS);
      throw refused;
    }
  }

  private ManagedChannel channel(Consumer<ManagedChannelBuilder<?>> adjust) {
    ManagedChannelBuilder<?> builder = builder();
    builder
        .executor(threads.callbacks)
        .userAgent("tocsin-java")
        .keepAliveTime(KEEPALIVE_SECONDS, TimeUnit.SECONDS)
        .keepAliveTimeout(KEEPALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
    if (Target.areLocal(addresses)) {
      // With a proxy in the JVM's properties gRPC would send even loopback traffic, tokens
      // included, to it.
      builder.proxyDetector(address -> null);
    }
    if (tls != null) {
      tls.serverName().ifPresent(builder::overrideAuthority);
    }
    adjust.accept(builder);
    return builder.build();
  }

  private ManagedChannelBuilder<?> builder() {
    ChannelCredentials credentials =
        tls == null ? InsecureChannelCredentials.create() : tls.credentials();
    String first = addresses.get(0);
    if (first.startsWith("unix:")) {
      // Sockets of this kind need a loop of a kind that only gRPC itself knows to choose.
      return Grpc.newChannelBuilder(first, credentials);
    }
    NettyChannelBuilder builder =
        addresses.size() == 1
            ? NettyChannelBuilder.forTarget(first, credentials)
            : several(addresses, credentials);
    return builder.eventLoopGroup(loop).channelType(NioSocketChannel.class);
  }

  @SuppressWarnings(
      "deprecation") // What replaces nameResolverFactory is a registry for the whole process.
  private static NettyChannelBuilder several(
      List<String> addresses, ChannelCredentials credentials) {
    return NettyChannelBuilder.forTarget(SeveralAddresses.SCHEME + ":///", credentials)
        .nameResolverFactory(new SeveralAddresses(addresses));
  }

  boolean isClosed() {
    return closed;
  }

  /** Throws IllegalStateException if the connection is closed. */
  void checkOpen() {
    if (closed) {
      throw new IllegalStateException("the client is closed");
    }
  }

  /** Throws IllegalArgumentException for a token that must not travel on this connection. */
  void checkToken() {
    Target.checkToken(addresses, tls);
  }

  /** Lets something live here until it leaves. */
  void enter(Tenant tenant) {
    tenants.add(tenant);
    if (closed) {
      tenant.evict();
    }
  }

  void leave(Tenant tenant) {
    tenants.remove(tenant);
  }

  /**
   * Runs something on a thread that may block, and that has no gRPC context of a caller's. It does
   * not happen once the connection is closed; whoever waits for it is a tenant.
   */
  void soon(Runnable task) {
    try {
      threads.callbacks.execute(task);
    } catch (RejectedExecutionException closing) {
      // As said above.
    }
  }

  /**
   * Runs something on a thread that may block, after a while. It does not happen once the
   * connection is closed; whoever waits for it is a tenant.
   */
  Future<?> later(Duration delay, Runnable task) {
    try {
      return threads.clock.schedule(
          () -> threads.callbacks.execute(task), delay.toNanos(), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException closing) {
      return CompletableFuture.completedFuture(null);
    }
  }

  /**
   * Ends all that lives here, then the channel, then the threads. May be called repeatedly, and by
   * a callback.
   */
  void close() {
    closed = true;
    tenants.forEach(Tenant::evict);
    channel.shutdownNow();
    loop.shutdownGracefully(0, PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (!threads.isOwn(Thread.currentThread())) {
      try {
        channel.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
        loop.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
    }
    threads.end();
  }
}
