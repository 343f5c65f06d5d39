package dev.tocsin.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Serves those who pass on the feeds of many recipients, such as the bridge for browsers.
 * A stream of NotificationService.Subscribe for every browser costs a relay several times what it costs to
 * write to the browser. Here one stream carries many subscriptions. Nothing else differs: each subscription
 * has its own token, recipient, cursor, pace and end, and gets the very events and errors that Subscribe would
 * give it.
 * Who may call. The stream itself gives no rights: a relay can do with it what the tokens that it passes on
 * allow, each for its own subscription. A relay should open it with a token of its own, with the scope `relay`:
 * without one it shares a small number of places with every stranger who reaches the server. Until a
 * subscription was accepted on such a stream, it ends with TOO_MANY_STREAMS when others come; and an address has
 * a share of them all.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class RelayServiceGrpc {

  private RelayServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "tocsin.v1.RelayService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.RelayRequest,
      dev.tocsin.v1.RelayResponse> getRelayMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Relay",
      requestType = dev.tocsin.v1.RelayRequest.class,
      responseType = dev.tocsin.v1.RelayResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.RelayRequest,
      dev.tocsin.v1.RelayResponse> getRelayMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.RelayRequest, dev.tocsin.v1.RelayResponse> getRelayMethod;
    if ((getRelayMethod = RelayServiceGrpc.getRelayMethod) == null) {
      synchronized (RelayServiceGrpc.class) {
        if ((getRelayMethod = RelayServiceGrpc.getRelayMethod) == null) {
          RelayServiceGrpc.getRelayMethod = getRelayMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.RelayRequest, dev.tocsin.v1.RelayResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Relay"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.RelayRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.RelayResponse.getDefaultInstance()))
              .setSchemaDescriptor(new RelayServiceMethodDescriptorSupplier("Relay"))
              .build();
        }
      }
    }
    return getRelayMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static RelayServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<RelayServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<RelayServiceStub>() {
        @java.lang.Override
        public RelayServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new RelayServiceStub(channel, callOptions);
        }
      };
    return RelayServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static RelayServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<RelayServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<RelayServiceBlockingV2Stub>() {
        @java.lang.Override
        public RelayServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new RelayServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return RelayServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static RelayServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<RelayServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<RelayServiceBlockingStub>() {
        @java.lang.Override
        public RelayServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new RelayServiceBlockingStub(channel, callOptions);
        }
      };
    return RelayServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static RelayServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<RelayServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<RelayServiceFutureStub>() {
        @java.lang.Override
        public RelayServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new RelayServiceFutureStub(channel, callOptions);
        }
      };
    return RelayServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Serves those who pass on the feeds of many recipients, such as the bridge for browsers.
   * A stream of NotificationService.Subscribe for every browser costs a relay several times what it costs to
   * write to the browser. Here one stream carries many subscriptions. Nothing else differs: each subscription
   * has its own token, recipient, cursor, pace and end, and gets the very events and errors that Subscribe would
   * give it.
   * Who may call. The stream itself gives no rights: a relay can do with it what the tokens that it passes on
   * allow, each for its own subscription. A relay should open it with a token of its own, with the scope `relay`:
   * without one it shares a small number of places with every stranger who reaches the server. Until a
   * subscription was accepted on such a stream, it ends with TOO_MANY_STREAMS when others come; and an address has
   * a share of them all.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Carries subscriptions, which the caller opens and closes by ids that it chooses.
     * A subscription is opened by a RelayOpening, which counts as a call of NotificationService.Subscribe with
     * that token. What Subscribe would stream comes in RelayEvents, in its order and without a gap; what
     * Subscribe would end with comes in a RelayEnding: a refusal, TOKEN_EXPIRED, STREAM_AGED, SHUTTING_DOWN
     * and so on, for that subscription alone.
     * A subscription gets at most 64 KiB of events, and the event that crosses that mark, beyond those that a
     * RelayReceipt has confirmed; then it waits, and delays no other one. If it waits for 30 s it ends with
     * SUBSCRIBER_TOO_SLOW, as it does when the events that wait for it are more than the server keeps. So a
     * caller confirms when it has got rid of half of that, or earlier, and need not tell what it still holds.
     * The stream ends with OK when the caller closes its side, and all subscriptions end with it. It ends with
     * SHUTTING_DOWN when the last subscription has ended because the server stops, with STREAM_AGED when it has
     * had no subscription for 30 s, with SUBSCRIBER_TOO_SLOW when the caller reads nothing for 30 s. However it
     * ends, each subscription is opened again on another stream with the last cursor that came for it, after a
     * delay that grows with jitter. Subscriptions have heartbeats, so a stream that holds some and on which
     * nothing comes for 60 s is dead. A caller that starts another stream for new subscriptions every ten
     * minutes or so lets the load spread over servers; the old one empties as its subscriptions age.
     * Errors that end the stream as a whole: MALFORMED_REQUEST; REQUEST_TOO_LARGE; INVALID_FIELD, for an id that is
     * missing or in use and for too many of something; TOO_MANY_STREAMS; UNAUTHENTICATED and PERMISSION_DENIED, for a
     * token of the stream's own that is not good for it.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.tocsin.v1.RelayRequest> relay(
        io.grpc.stub.StreamObserver<dev.tocsin.v1.RelayResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getRelayMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service RelayService.
   * <pre>
   * Serves those who pass on the feeds of many recipients, such as the bridge for browsers.
   * A stream of NotificationService.Subscribe for every browser costs a relay several times what it costs to
   * write to the browser. Here one stream carries many subscriptions. Nothing else differs: each subscription
   * has its own token, recipient, cursor, pace and end, and gets the very events and errors that Subscribe would
   * give it.
   * Who may call. The stream itself gives no rights: a relay can do with it what the tokens that it passes on
   * allow, each for its own subscription. A relay should open it with a token of its own, with the scope `relay`:
   * without one it shares a small number of places with every stranger who reaches the server. Until a
   * subscription was accepted on such a stream, it ends with TOO_MANY_STREAMS when others come; and an address has
   * a share of them all.
   * </pre>
   */
  public static abstract class RelayServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return RelayServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service RelayService.
   * <pre>
   * Serves those who pass on the feeds of many recipients, such as the bridge for browsers.
   * A stream of NotificationService.Subscribe for every browser costs a relay several times what it costs to
   * write to the browser. Here one stream carries many subscriptions. Nothing else differs: each subscription
   * has its own token, recipient, cursor, pace and end, and gets the very events and errors that Subscribe would
   * give it.
   * Who may call. The stream itself gives no rights: a relay can do with it what the tokens that it passes on
   * allow, each for its own subscription. A relay should open it with a token of its own, with the scope `relay`:
   * without one it shares a small number of places with every stranger who reaches the server. Until a
   * subscription was accepted on such a stream, it ends with TOO_MANY_STREAMS when others come; and an address has
   * a share of them all.
   * </pre>
   */
  public static final class RelayServiceStub
      extends io.grpc.stub.AbstractAsyncStub<RelayServiceStub> {
    private RelayServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected RelayServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new RelayServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Carries subscriptions, which the caller opens and closes by ids that it chooses.
     * A subscription is opened by a RelayOpening, which counts as a call of NotificationService.Subscribe with
     * that token. What Subscribe would stream comes in RelayEvents, in its order and without a gap; what
     * Subscribe would end with comes in a RelayEnding: a refusal, TOKEN_EXPIRED, STREAM_AGED, SHUTTING_DOWN
     * and so on, for that subscription alone.
     * A subscription gets at most 64 KiB of events, and the event that crosses that mark, beyond those that a
     * RelayReceipt has confirmed; then it waits, and delays no other one. If it waits for 30 s it ends with
     * SUBSCRIBER_TOO_SLOW, as it does when the events that wait for it are more than the server keeps. So a
     * caller confirms when it has got rid of half of that, or earlier, and need not tell what it still holds.
     * The stream ends with OK when the caller closes its side, and all subscriptions end with it. It ends with
     * SHUTTING_DOWN when the last subscription has ended because the server stops, with STREAM_AGED when it has
     * had no subscription for 30 s, with SUBSCRIBER_TOO_SLOW when the caller reads nothing for 30 s. However it
     * ends, each subscription is opened again on another stream with the last cursor that came for it, after a
     * delay that grows with jitter. Subscriptions have heartbeats, so a stream that holds some and on which
     * nothing comes for 60 s is dead. A caller that starts another stream for new subscriptions every ten
     * minutes or so lets the load spread over servers; the old one empties as its subscriptions age.
     * Errors that end the stream as a whole: MALFORMED_REQUEST; REQUEST_TOO_LARGE; INVALID_FIELD, for an id that is
     * missing or in use and for too many of something; TOO_MANY_STREAMS; UNAUTHENTICATED and PERMISSION_DENIED, for a
     * token of the stream's own that is not good for it.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.tocsin.v1.RelayRequest> relay(
        io.grpc.stub.StreamObserver<dev.tocsin.v1.RelayResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getRelayMethod(), getCallOptions()), responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service RelayService.
   * <pre>
   * Serves those who pass on the feeds of many recipients, such as the bridge for browsers.
   * A stream of NotificationService.Subscribe for every browser costs a relay several times what it costs to
   * write to the browser. Here one stream carries many subscriptions. Nothing else differs: each subscription
   * has its own token, recipient, cursor, pace and end, and gets the very events and errors that Subscribe would
   * give it.
   * Who may call. The stream itself gives no rights: a relay can do with it what the tokens that it passes on
   * allow, each for its own subscription. A relay should open it with a token of its own, with the scope `relay`:
   * without one it shares a small number of places with every stranger who reaches the server. Until a
   * subscription was accepted on such a stream, it ends with TOO_MANY_STREAMS when others come; and an address has
   * a share of them all.
   * </pre>
   */
  public static final class RelayServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<RelayServiceBlockingV2Stub> {
    private RelayServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected RelayServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new RelayServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Carries subscriptions, which the caller opens and closes by ids that it chooses.
     * A subscription is opened by a RelayOpening, which counts as a call of NotificationService.Subscribe with
     * that token. What Subscribe would stream comes in RelayEvents, in its order and without a gap; what
     * Subscribe would end with comes in a RelayEnding: a refusal, TOKEN_EXPIRED, STREAM_AGED, SHUTTING_DOWN
     * and so on, for that subscription alone.
     * A subscription gets at most 64 KiB of events, and the event that crosses that mark, beyond those that a
     * RelayReceipt has confirmed; then it waits, and delays no other one. If it waits for 30 s it ends with
     * SUBSCRIBER_TOO_SLOW, as it does when the events that wait for it are more than the server keeps. So a
     * caller confirms when it has got rid of half of that, or earlier, and need not tell what it still holds.
     * The stream ends with OK when the caller closes its side, and all subscriptions end with it. It ends with
     * SHUTTING_DOWN when the last subscription has ended because the server stops, with STREAM_AGED when it has
     * had no subscription for 30 s, with SUBSCRIBER_TOO_SLOW when the caller reads nothing for 30 s. However it
     * ends, each subscription is opened again on another stream with the last cursor that came for it, after a
     * delay that grows with jitter. Subscriptions have heartbeats, so a stream that holds some and on which
     * nothing comes for 60 s is dead. A caller that starts another stream for new subscriptions every ten
     * minutes or so lets the load spread over servers; the old one empties as its subscriptions age.
     * Errors that end the stream as a whole: MALFORMED_REQUEST; REQUEST_TOO_LARGE; INVALID_FIELD, for an id that is
     * missing or in use and for too many of something; TOO_MANY_STREAMS; UNAUTHENTICATED and PERMISSION_DENIED, for a
     * token of the stream's own that is not good for it.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.tocsin.v1.RelayRequest, dev.tocsin.v1.RelayResponse>
        relay() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getRelayMethod(), getCallOptions());
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service RelayService.
   * <pre>
   * Serves those who pass on the feeds of many recipients, such as the bridge for browsers.
   * A stream of NotificationService.Subscribe for every browser costs a relay several times what it costs to
   * write to the browser. Here one stream carries many subscriptions. Nothing else differs: each subscription
   * has its own token, recipient, cursor, pace and end, and gets the very events and errors that Subscribe would
   * give it.
   * Who may call. The stream itself gives no rights: a relay can do with it what the tokens that it passes on
   * allow, each for its own subscription. A relay should open it with a token of its own, with the scope `relay`:
   * without one it shares a small number of places with every stranger who reaches the server. Until a
   * subscription was accepted on such a stream, it ends with TOO_MANY_STREAMS when others come; and an address has
   * a share of them all.
   * </pre>
   */
  public static final class RelayServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<RelayServiceBlockingStub> {
    private RelayServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected RelayServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new RelayServiceBlockingStub(channel, callOptions);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service RelayService.
   * <pre>
   * Serves those who pass on the feeds of many recipients, such as the bridge for browsers.
   * A stream of NotificationService.Subscribe for every browser costs a relay several times what it costs to
   * write to the browser. Here one stream carries many subscriptions. Nothing else differs: each subscription
   * has its own token, recipient, cursor, pace and end, and gets the very events and errors that Subscribe would
   * give it.
   * Who may call. The stream itself gives no rights: a relay can do with it what the tokens that it passes on
   * allow, each for its own subscription. A relay should open it with a token of its own, with the scope `relay`:
   * without one it shares a small number of places with every stranger who reaches the server. Until a
   * subscription was accepted on such a stream, it ends with TOO_MANY_STREAMS when others come; and an address has
   * a share of them all.
   * </pre>
   */
  public static final class RelayServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<RelayServiceFutureStub> {
    private RelayServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected RelayServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new RelayServiceFutureStub(channel, callOptions);
    }
  }

  private static final int METHODID_RELAY = 0;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_RELAY:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.relay(
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.RelayResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getRelayMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.tocsin.v1.RelayRequest,
              dev.tocsin.v1.RelayResponse>(
                service, METHODID_RELAY)))
        .build();
  }

  private static abstract class RelayServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    RelayServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.tocsin.v1.RelayServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("RelayService");
    }
  }

  private static final class RelayServiceFileDescriptorSupplier
      extends RelayServiceBaseDescriptorSupplier {
    RelayServiceFileDescriptorSupplier() {}
  }

  private static final class RelayServiceMethodDescriptorSupplier
      extends RelayServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    RelayServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (RelayServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new RelayServiceFileDescriptorSupplier())
              .addMethod(getRelayMethod())
              .build();
        }
      }
    }
    return result;
  }
}
