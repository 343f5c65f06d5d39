package dev.tocsin.client;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.tocsin.v1.NotificationServiceGrpc;
import dev.tocsin.v1.SendBatchRequest;
import dev.tocsin.v1.SendBatchResponse;
import dev.tocsin.v1.SendRequest;
import dev.tocsin.v1.SendResponse;
import dev.tocsin.v1.SubscribeRequest;
import dev.tocsin.v1.SubscribeResponse;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A server that hands each call to the test, which answers it: for faults that a real one does not
 * have on demand.
 */
final class FakeServer implements AutoCloseable {
  /** A call that waits for its answer. */
  record Arrived<Q extends Message, A extends Message>(
      Q request, ServerCallStreamObserver<A> answer) {
    void succeed(A message) {
      answer.onNext(message);
      answer.onCompleted();
    }

    void fail(Throwable error) {
      answer.onError(error);
    }
  }

  final BlockingQueue<Arrived<SendRequest, SendResponse>> sends = new LinkedBlockingQueue<>();
  final BlockingQueue<Arrived<SendBatchRequest, SendBatchResponse>> batches =
      new LinkedBlockingQueue<>();
  final BlockingQueue<Arrived<SubscribeRequest, SubscribeResponse>> streams =
      new LinkedBlockingQueue<>();
  final Queue<String> tokens = new ConcurrentLinkedQueue<>();
  private final Server server;

  FakeServer() {
    try {
      server =
          NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
              .addService(new Service())
              .intercept(new Tokens())
              .build()
              .start();
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  String address() {
    return "127.0.0.1:" + server.getPort();
  }

  /** Takes the next call, which must come. */
  static <T> T next(BlockingQueue<T> calls) {
    try {
      T call = calls.poll(30, TimeUnit.SECONDS);
      if (call == null) {
        throw new AssertionError("no call came");
      }
      return call;
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }

  /** An error of Tocsin's own. */
  static StatusRuntimeException error(Status.Code code, String reason) {
    return StatusProto.toStatusRuntimeException(status(code, reason, Duration.ZERO));
  }

  static com.google.rpc.Status status(Status.Code code, String reason, Duration retryAfter) {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage("staged");
    status.addDetails(
        Any.pack(ErrorInfo.newBuilder().setDomain("tocsin").setReason(reason).build()));
    if (!retryAfter.isZero()) {
      status.addDetails(
          Any.pack(
              RetryInfo.newBuilder()
                  .setRetryDelay(
                      com.google.protobuf.Duration.newBuilder().setSeconds(retryAfter.toSeconds()))
                  .build()));
    }
    return status.build();
  }

  @Override
  public void close() {
    server.shutdownNow();
    try {
      server.awaitTermination();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static <Q extends Message, A extends Message> Arrived<Q, A> arrived(
      Q request, StreamObserver<A> answer) {
    ServerCallStreamObserver<A> observer = (ServerCallStreamObserver<A>) answer;
    // Without a handler an observer throws once its call is cancelled.
    observer.setOnCancelHandler(() -> {});
    return new Arrived<>(request, observer);
  }

  private final class Service extends NotificationServiceGrpc.NotificationServiceImplBase {
    @Override
    public void send(SendRequest request, StreamObserver<SendResponse> answer) {
      sends.add(arrived(request, answer));
    }

    @Override
    public void sendBatch(SendBatchRequest request, StreamObserver<SendBatchResponse> answer) {
      batches.add(arrived(request, answer));
    }

    @Override
    public void subscribe(SubscribeRequest request, StreamObserver<SubscribeResponse> answer) {
      streams.add(arrived(request, answer));
    }
  }

  private final class Tokens implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      String token =
          headers.get(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER));
      tokens.add(token == null ? "" : token);
      return next.startCall(call, headers);
    }
  }
}
