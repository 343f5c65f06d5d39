package dev.tocsin.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * What whoever runs Tocsin asks and orders: how full the queue is, to stop a channel, and to erase a person.
 * PauseChannel, ResumeChannel and GetQueue need a service token with the scope `admin`, Erase and Export one with the
 * scope `erase`; recipients' tokens are refused.
 * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
 * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
 * below name the others.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class OperatorServiceGrpc {

  private OperatorServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "tocsin.v1.OperatorService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.PauseChannelRequest,
      dev.tocsin.v1.PauseChannelResponse> getPauseChannelMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "PauseChannel",
      requestType = dev.tocsin.v1.PauseChannelRequest.class,
      responseType = dev.tocsin.v1.PauseChannelResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.PauseChannelRequest,
      dev.tocsin.v1.PauseChannelResponse> getPauseChannelMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.PauseChannelRequest, dev.tocsin.v1.PauseChannelResponse> getPauseChannelMethod;
    if ((getPauseChannelMethod = OperatorServiceGrpc.getPauseChannelMethod) == null) {
      synchronized (OperatorServiceGrpc.class) {
        if ((getPauseChannelMethod = OperatorServiceGrpc.getPauseChannelMethod) == null) {
          OperatorServiceGrpc.getPauseChannelMethod = getPauseChannelMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.PauseChannelRequest, dev.tocsin.v1.PauseChannelResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "PauseChannel"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.PauseChannelRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.PauseChannelResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperatorServiceMethodDescriptorSupplier("PauseChannel"))
              .build();
        }
      }
    }
    return getPauseChannelMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.ResumeChannelRequest,
      dev.tocsin.v1.ResumeChannelResponse> getResumeChannelMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ResumeChannel",
      requestType = dev.tocsin.v1.ResumeChannelRequest.class,
      responseType = dev.tocsin.v1.ResumeChannelResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.ResumeChannelRequest,
      dev.tocsin.v1.ResumeChannelResponse> getResumeChannelMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.ResumeChannelRequest, dev.tocsin.v1.ResumeChannelResponse> getResumeChannelMethod;
    if ((getResumeChannelMethod = OperatorServiceGrpc.getResumeChannelMethod) == null) {
      synchronized (OperatorServiceGrpc.class) {
        if ((getResumeChannelMethod = OperatorServiceGrpc.getResumeChannelMethod) == null) {
          OperatorServiceGrpc.getResumeChannelMethod = getResumeChannelMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.ResumeChannelRequest, dev.tocsin.v1.ResumeChannelResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ResumeChannel"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.ResumeChannelRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.ResumeChannelResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperatorServiceMethodDescriptorSupplier("ResumeChannel"))
              .build();
        }
      }
    }
    return getResumeChannelMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.GetQueueRequest,
      dev.tocsin.v1.GetQueueResponse> getGetQueueMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetQueue",
      requestType = dev.tocsin.v1.GetQueueRequest.class,
      responseType = dev.tocsin.v1.GetQueueResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.GetQueueRequest,
      dev.tocsin.v1.GetQueueResponse> getGetQueueMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.GetQueueRequest, dev.tocsin.v1.GetQueueResponse> getGetQueueMethod;
    if ((getGetQueueMethod = OperatorServiceGrpc.getGetQueueMethod) == null) {
      synchronized (OperatorServiceGrpc.class) {
        if ((getGetQueueMethod = OperatorServiceGrpc.getGetQueueMethod) == null) {
          OperatorServiceGrpc.getGetQueueMethod = getGetQueueMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.GetQueueRequest, dev.tocsin.v1.GetQueueResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetQueue"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.GetQueueRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.GetQueueResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperatorServiceMethodDescriptorSupplier("GetQueue"))
              .build();
        }
      }
    }
    return getGetQueueMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.EraseRequest,
      dev.tocsin.v1.EraseResponse> getEraseMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Erase",
      requestType = dev.tocsin.v1.EraseRequest.class,
      responseType = dev.tocsin.v1.EraseResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.EraseRequest,
      dev.tocsin.v1.EraseResponse> getEraseMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.EraseRequest, dev.tocsin.v1.EraseResponse> getEraseMethod;
    if ((getEraseMethod = OperatorServiceGrpc.getEraseMethod) == null) {
      synchronized (OperatorServiceGrpc.class) {
        if ((getEraseMethod = OperatorServiceGrpc.getEraseMethod) == null) {
          OperatorServiceGrpc.getEraseMethod = getEraseMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.EraseRequest, dev.tocsin.v1.EraseResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Erase"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.EraseRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.EraseResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperatorServiceMethodDescriptorSupplier("Erase"))
              .build();
        }
      }
    }
    return getEraseMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.ExportRequest,
      dev.tocsin.v1.ExportResponse> getExportMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Export",
      requestType = dev.tocsin.v1.ExportRequest.class,
      responseType = dev.tocsin.v1.ExportResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.ExportRequest,
      dev.tocsin.v1.ExportResponse> getExportMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.ExportRequest, dev.tocsin.v1.ExportResponse> getExportMethod;
    if ((getExportMethod = OperatorServiceGrpc.getExportMethod) == null) {
      synchronized (OperatorServiceGrpc.class) {
        if ((getExportMethod = OperatorServiceGrpc.getExportMethod) == null) {
          OperatorServiceGrpc.getExportMethod = getExportMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.ExportRequest, dev.tocsin.v1.ExportResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Export"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.ExportRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.ExportResponse.getDefaultInstance()))
              .setSchemaDescriptor(new OperatorServiceMethodDescriptorSupplier("Export"))
              .build();
        }
      }
    }
    return getExportMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static OperatorServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperatorServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperatorServiceStub>() {
        @java.lang.Override
        public OperatorServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperatorServiceStub(channel, callOptions);
        }
      };
    return OperatorServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static OperatorServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperatorServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperatorServiceBlockingV2Stub>() {
        @java.lang.Override
        public OperatorServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperatorServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return OperatorServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static OperatorServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperatorServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperatorServiceBlockingStub>() {
        @java.lang.Override
        public OperatorServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperatorServiceBlockingStub(channel, callOptions);
        }
      };
    return OperatorServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static OperatorServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<OperatorServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<OperatorServiceFutureStub>() {
        @java.lang.Override
        public OperatorServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new OperatorServiceFutureStub(channel, callOptions);
        }
      };
    return OperatorServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * What whoever runs Tocsin asks and orders: how full the queue is, to stop a channel, and to erase a person.
   * PauseChannel, ResumeChannel and GetQueue need a service token with the scope `admin`, Erase and Export one with the
   * scope `erase`; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Stops sending by a channel, on every replica, until ResumeChannel.
     * Stored, so that it outlasts restarts; every process of the service obeys within two seconds. What is being handed to
     * a provider at that moment is still sent. All else stays due and uses up no attempt. Send still accepts, and what it
     * accepts waits. Expiry goes on, and so do fallbacks, which go to their next channel after `escalate_after`.
     * Durable when it returns. Idempotent: of a channel that is paused already, the first pause stays as it is.
     * Errors: INVALID_FIELD, also for WEBSOCKET, which no provider stands behind.
     * </pre>
     */
    default void pauseChannel(dev.tocsin.v1.PauseChannelRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.PauseChannelResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPauseChannelMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lets a paused channel send again: what is due goes out, what was due first before the rest.
     * Durable when it returns. Idempotent: one that is not paused is left as it is.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    default void resumeChannel(dev.tocsin.v1.ResumeChannelRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.ResumeChannelResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getResumeChannelMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells how full the queue is, which providers are left alone for their failures, and which channels are paused.
     * Changes nothing.
     * </pre>
     */
    default void getQueue(dev.tocsin.v1.GetQueueRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.GetQueueResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetQueueMethod(), responseObserver);
    }

    /**
     * <pre>
     * Erases what is stored of a person: notifications with their channels, decisions, steps and idempotency keys, the
     * contact, the feed, and what limits of policies counted. Streams of theirs end, and a cursor from before is answered
     * with `recovered = false`. What is being handed to a provider at that moment may still be sent; what waits is not.
     * Of somebody who is not registered, it is what went, or was to go, to the given address. What names a person
     * without having them as its recipient cannot be found: in the text of somebody else's notification, in the name of a
     * token, in a backup, in the log of a provider.
     * A note remains of how much was erased, when and by whom, without anything of the person. Notifications that are
     * sent after that are stored like any other. A call that fails in between has erased a part; repeat it.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    default void erase(dev.tocsin.v1.EraseRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.EraseResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getEraseMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns what is stored of a person, as Erase would erase it: a row of a table at a time.
     * Changes nothing. The stream ends with the last row; each notification is read as it is at its turn.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    default void export(dev.tocsin.v1.ExportRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.ExportResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExportMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service OperatorService.
   * <pre>
   * What whoever runs Tocsin asks and orders: how full the queue is, to stop a channel, and to erase a person.
   * PauseChannel, ResumeChannel and GetQueue need a service token with the scope `admin`, Erase and Export one with the
   * scope `erase`; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public static abstract class OperatorServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return OperatorServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service OperatorService.
   * <pre>
   * What whoever runs Tocsin asks and orders: how full the queue is, to stop a channel, and to erase a person.
   * PauseChannel, ResumeChannel and GetQueue need a service token with the scope `admin`, Erase and Export one with the
   * scope `erase`; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public static final class OperatorServiceStub
      extends io.grpc.stub.AbstractAsyncStub<OperatorServiceStub> {
    private OperatorServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperatorServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperatorServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Stops sending by a channel, on every replica, until ResumeChannel.
     * Stored, so that it outlasts restarts; every process of the service obeys within two seconds. What is being handed to
     * a provider at that moment is still sent. All else stays due and uses up no attempt. Send still accepts, and what it
     * accepts waits. Expiry goes on, and so do fallbacks, which go to their next channel after `escalate_after`.
     * Durable when it returns. Idempotent: of a channel that is paused already, the first pause stays as it is.
     * Errors: INVALID_FIELD, also for WEBSOCKET, which no provider stands behind.
     * </pre>
     */
    public void pauseChannel(dev.tocsin.v1.PauseChannelRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.PauseChannelResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPauseChannelMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lets a paused channel send again: what is due goes out, what was due first before the rest.
     * Durable when it returns. Idempotent: one that is not paused is left as it is.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public void resumeChannel(dev.tocsin.v1.ResumeChannelRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.ResumeChannelResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getResumeChannelMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Tells how full the queue is, which providers are left alone for their failures, and which channels are paused.
     * Changes nothing.
     * </pre>
     */
    public void getQueue(dev.tocsin.v1.GetQueueRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.GetQueueResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetQueueMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Erases what is stored of a person: notifications with their channels, decisions, steps and idempotency keys, the
     * contact, the feed, and what limits of policies counted. Streams of theirs end, and a cursor from before is answered
     * with `recovered = false`. What is being handed to a provider at that moment may still be sent; what waits is not.
     * Of somebody who is not registered, it is what went, or was to go, to the given address. What names a person
     * without having them as its recipient cannot be found: in the text of somebody else's notification, in the name of a
     * token, in a backup, in the log of a provider.
     * A note remains of how much was erased, when and by whom, without anything of the person. Notifications that are
     * sent after that are stored like any other. A call that fails in between has erased a part; repeat it.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public void erase(dev.tocsin.v1.EraseRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.EraseResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getEraseMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns what is stored of a person, as Erase would erase it: a row of a table at a time.
     * Changes nothing. The stream ends with the last row; each notification is read as it is at its turn.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public void export(dev.tocsin.v1.ExportRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.ExportResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getExportMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service OperatorService.
   * <pre>
   * What whoever runs Tocsin asks and orders: how full the queue is, to stop a channel, and to erase a person.
   * PauseChannel, ResumeChannel and GetQueue need a service token with the scope `admin`, Erase and Export one with the
   * scope `erase`; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public static final class OperatorServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<OperatorServiceBlockingV2Stub> {
    private OperatorServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperatorServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperatorServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Stops sending by a channel, on every replica, until ResumeChannel.
     * Stored, so that it outlasts restarts; every process of the service obeys within two seconds. What is being handed to
     * a provider at that moment is still sent. All else stays due and uses up no attempt. Send still accepts, and what it
     * accepts waits. Expiry goes on, and so do fallbacks, which go to their next channel after `escalate_after`.
     * Durable when it returns. Idempotent: of a channel that is paused already, the first pause stays as it is.
     * Errors: INVALID_FIELD, also for WEBSOCKET, which no provider stands behind.
     * </pre>
     */
    public dev.tocsin.v1.PauseChannelResponse pauseChannel(dev.tocsin.v1.PauseChannelRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPauseChannelMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lets a paused channel send again: what is due goes out, what was due first before the rest.
     * Durable when it returns. Idempotent: one that is not paused is left as it is.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public dev.tocsin.v1.ResumeChannelResponse resumeChannel(dev.tocsin.v1.ResumeChannelRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getResumeChannelMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells how full the queue is, which providers are left alone for their failures, and which channels are paused.
     * Changes nothing.
     * </pre>
     */
    public dev.tocsin.v1.GetQueueResponse getQueue(dev.tocsin.v1.GetQueueRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetQueueMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Erases what is stored of a person: notifications with their channels, decisions, steps and idempotency keys, the
     * contact, the feed, and what limits of policies counted. Streams of theirs end, and a cursor from before is answered
     * with `recovered = false`. What is being handed to a provider at that moment may still be sent; what waits is not.
     * Of somebody who is not registered, it is what went, or was to go, to the given address. What names a person
     * without having them as its recipient cannot be found: in the text of somebody else's notification, in the name of a
     * token, in a backup, in the log of a provider.
     * A note remains of how much was erased, when and by whom, without anything of the person. Notifications that are
     * sent after that are stored like any other. A call that fails in between has erased a part; repeat it.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public dev.tocsin.v1.EraseResponse erase(dev.tocsin.v1.EraseRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getEraseMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns what is stored of a person, as Erase would erase it: a row of a table at a time.
     * Changes nothing. The stream ends with the last row; each notification is read as it is at its turn.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.tocsin.v1.ExportResponse>
        export(dev.tocsin.v1.ExportRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getExportMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service OperatorService.
   * <pre>
   * What whoever runs Tocsin asks and orders: how full the queue is, to stop a channel, and to erase a person.
   * PauseChannel, ResumeChannel and GetQueue need a service token with the scope `admin`, Erase and Export one with the
   * scope `erase`; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public static final class OperatorServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<OperatorServiceBlockingStub> {
    private OperatorServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperatorServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperatorServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Stops sending by a channel, on every replica, until ResumeChannel.
     * Stored, so that it outlasts restarts; every process of the service obeys within two seconds. What is being handed to
     * a provider at that moment is still sent. All else stays due and uses up no attempt. Send still accepts, and what it
     * accepts waits. Expiry goes on, and so do fallbacks, which go to their next channel after `escalate_after`.
     * Durable when it returns. Idempotent: of a channel that is paused already, the first pause stays as it is.
     * Errors: INVALID_FIELD, also for WEBSOCKET, which no provider stands behind.
     * </pre>
     */
    public dev.tocsin.v1.PauseChannelResponse pauseChannel(dev.tocsin.v1.PauseChannelRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPauseChannelMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lets a paused channel send again: what is due goes out, what was due first before the rest.
     * Durable when it returns. Idempotent: one that is not paused is left as it is.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public dev.tocsin.v1.ResumeChannelResponse resumeChannel(dev.tocsin.v1.ResumeChannelRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getResumeChannelMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells how full the queue is, which providers are left alone for their failures, and which channels are paused.
     * Changes nothing.
     * </pre>
     */
    public dev.tocsin.v1.GetQueueResponse getQueue(dev.tocsin.v1.GetQueueRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetQueueMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Erases what is stored of a person: notifications with their channels, decisions, steps and idempotency keys, the
     * contact, the feed, and what limits of policies counted. Streams of theirs end, and a cursor from before is answered
     * with `recovered = false`. What is being handed to a provider at that moment may still be sent; what waits is not.
     * Of somebody who is not registered, it is what went, or was to go, to the given address. What names a person
     * without having them as its recipient cannot be found: in the text of somebody else's notification, in the name of a
     * token, in a backup, in the log of a provider.
     * A note remains of how much was erased, when and by whom, without anything of the person. Notifications that are
     * sent after that are stored like any other. A call that fails in between has erased a part; repeat it.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public dev.tocsin.v1.EraseResponse erase(dev.tocsin.v1.EraseRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getEraseMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns what is stored of a person, as Erase would erase it: a row of a table at a time.
     * Changes nothing. The stream ends with the last row; each notification is read as it is at its turn.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public java.util.Iterator<dev.tocsin.v1.ExportResponse> export(
        dev.tocsin.v1.ExportRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getExportMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service OperatorService.
   * <pre>
   * What whoever runs Tocsin asks and orders: how full the queue is, to stop a channel, and to erase a person.
   * PauseChannel, ResumeChannel and GetQueue need a service token with the scope `admin`, Erase and Export one with the
   * scope `erase`; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public static final class OperatorServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<OperatorServiceFutureStub> {
    private OperatorServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected OperatorServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new OperatorServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Stops sending by a channel, on every replica, until ResumeChannel.
     * Stored, so that it outlasts restarts; every process of the service obeys within two seconds. What is being handed to
     * a provider at that moment is still sent. All else stays due and uses up no attempt. Send still accepts, and what it
     * accepts waits. Expiry goes on, and so do fallbacks, which go to their next channel after `escalate_after`.
     * Durable when it returns. Idempotent: of a channel that is paused already, the first pause stays as it is.
     * Errors: INVALID_FIELD, also for WEBSOCKET, which no provider stands behind.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.PauseChannelResponse> pauseChannel(
        dev.tocsin.v1.PauseChannelRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPauseChannelMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lets a paused channel send again: what is due goes out, what was due first before the rest.
     * Durable when it returns. Idempotent: one that is not paused is left as it is.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.ResumeChannelResponse> resumeChannel(
        dev.tocsin.v1.ResumeChannelRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getResumeChannelMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells how full the queue is, which providers are left alone for their failures, and which channels are paused.
     * Changes nothing.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.GetQueueResponse> getQueue(
        dev.tocsin.v1.GetQueueRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetQueueMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Erases what is stored of a person: notifications with their channels, decisions, steps and idempotency keys, the
     * contact, the feed, and what limits of policies counted. Streams of theirs end, and a cursor from before is answered
     * with `recovered = false`. What is being handed to a provider at that moment may still be sent; what waits is not.
     * Of somebody who is not registered, it is what went, or was to go, to the given address. What names a person
     * without having them as its recipient cannot be found: in the text of somebody else's notification, in the name of a
     * token, in a backup, in the log of a provider.
     * A note remains of how much was erased, when and by whom, without anything of the person. Notifications that are
     * sent after that are stored like any other. A call that fails in between has erased a part; repeat it.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.EraseResponse> erase(
        dev.tocsin.v1.EraseRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getEraseMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_PAUSE_CHANNEL = 0;
  private static final int METHODID_RESUME_CHANNEL = 1;
  private static final int METHODID_GET_QUEUE = 2;
  private static final int METHODID_ERASE = 3;
  private static final int METHODID_EXPORT = 4;

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
        case METHODID_PAUSE_CHANNEL:
          serviceImpl.pauseChannel((dev.tocsin.v1.PauseChannelRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.PauseChannelResponse>) responseObserver);
          break;
        case METHODID_RESUME_CHANNEL:
          serviceImpl.resumeChannel((dev.tocsin.v1.ResumeChannelRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.ResumeChannelResponse>) responseObserver);
          break;
        case METHODID_GET_QUEUE:
          serviceImpl.getQueue((dev.tocsin.v1.GetQueueRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.GetQueueResponse>) responseObserver);
          break;
        case METHODID_ERASE:
          serviceImpl.erase((dev.tocsin.v1.EraseRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.EraseResponse>) responseObserver);
          break;
        case METHODID_EXPORT:
          serviceImpl.export((dev.tocsin.v1.ExportRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.ExportResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getPauseChannelMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.PauseChannelRequest,
              dev.tocsin.v1.PauseChannelResponse>(
                service, METHODID_PAUSE_CHANNEL)))
        .addMethod(
          getResumeChannelMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.ResumeChannelRequest,
              dev.tocsin.v1.ResumeChannelResponse>(
                service, METHODID_RESUME_CHANNEL)))
        .addMethod(
          getGetQueueMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.GetQueueRequest,
              dev.tocsin.v1.GetQueueResponse>(
                service, METHODID_GET_QUEUE)))
        .addMethod(
          getEraseMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.EraseRequest,
              dev.tocsin.v1.EraseResponse>(
                service, METHODID_ERASE)))
        .addMethod(
          getExportMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.tocsin.v1.ExportRequest,
              dev.tocsin.v1.ExportResponse>(
                service, METHODID_EXPORT)))
        .build();
  }

  private static abstract class OperatorServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    OperatorServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.tocsin.v1.OperatorServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("OperatorService");
    }
  }

  private static final class OperatorServiceFileDescriptorSupplier
      extends OperatorServiceBaseDescriptorSupplier {
    OperatorServiceFileDescriptorSupplier() {}
  }

  private static final class OperatorServiceMethodDescriptorSupplier
      extends OperatorServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    OperatorServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (OperatorServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new OperatorServiceFileDescriptorSupplier())
              .addMethod(getPauseChannelMethod())
              .addMethod(getResumeChannelMethod())
              .addMethod(getGetQueueMethod())
              .addMethod(getEraseMethod())
              .addMethod(getExportMethod())
              .build();
        }
      }
    }
    return result;
  }
}
