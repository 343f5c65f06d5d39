package dev.tocsin.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Gives deciders what is to be decided, and explains what was.
 * A notification sent with Routing.deferred waits for a decision about its channels. A decider, which is any
 * program with a token of the scope `route`, takes some with `LeaseUndecided`, judges them, and decides each with
 * NotificationService.Route. Several deciders share the work; what a dead one held is given to others when its lease
 * ends; what nobody decides, the routing rules do at Routing.route_by. Whoever decides, the policies of the server
 * bind.
 * Who may call. `route` allows LeaseUndecided, Preview, Explain of what the caller itself decided or holds, and
 * NotificationService.Route; it shows addresses only masked. `simulate`, which `read` includes, allows Explain of
 * everything, Simulate and Backtest. WhoAmI needs no scope. Recipients' tokens are refused.
 * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
 * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; see ErrorReason.
 * The comments below name the others.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class DecisionServiceGrpc {

  private DecisionServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "tocsin.v1.DecisionService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.LeaseUndecidedRequest,
      dev.tocsin.v1.LeaseUndecidedResponse> getLeaseUndecidedMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "LeaseUndecided",
      requestType = dev.tocsin.v1.LeaseUndecidedRequest.class,
      responseType = dev.tocsin.v1.LeaseUndecidedResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.LeaseUndecidedRequest,
      dev.tocsin.v1.LeaseUndecidedResponse> getLeaseUndecidedMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.LeaseUndecidedRequest, dev.tocsin.v1.LeaseUndecidedResponse> getLeaseUndecidedMethod;
    if ((getLeaseUndecidedMethod = DecisionServiceGrpc.getLeaseUndecidedMethod) == null) {
      synchronized (DecisionServiceGrpc.class) {
        if ((getLeaseUndecidedMethod = DecisionServiceGrpc.getLeaseUndecidedMethod) == null) {
          DecisionServiceGrpc.getLeaseUndecidedMethod = getLeaseUndecidedMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.LeaseUndecidedRequest, dev.tocsin.v1.LeaseUndecidedResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "LeaseUndecided"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.LeaseUndecidedRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.LeaseUndecidedResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DecisionServiceMethodDescriptorSupplier("LeaseUndecided"))
              .build();
        }
      }
    }
    return getLeaseUndecidedMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.PreviewRequest,
      dev.tocsin.v1.PreviewResponse> getPreviewMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Preview",
      requestType = dev.tocsin.v1.PreviewRequest.class,
      responseType = dev.tocsin.v1.PreviewResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.PreviewRequest,
      dev.tocsin.v1.PreviewResponse> getPreviewMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.PreviewRequest, dev.tocsin.v1.PreviewResponse> getPreviewMethod;
    if ((getPreviewMethod = DecisionServiceGrpc.getPreviewMethod) == null) {
      synchronized (DecisionServiceGrpc.class) {
        if ((getPreviewMethod = DecisionServiceGrpc.getPreviewMethod) == null) {
          DecisionServiceGrpc.getPreviewMethod = getPreviewMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.PreviewRequest, dev.tocsin.v1.PreviewResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Preview"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.PreviewRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.PreviewResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DecisionServiceMethodDescriptorSupplier("Preview"))
              .build();
        }
      }
    }
    return getPreviewMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.ExplainRequest,
      dev.tocsin.v1.ExplainResponse> getExplainMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Explain",
      requestType = dev.tocsin.v1.ExplainRequest.class,
      responseType = dev.tocsin.v1.ExplainResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.ExplainRequest,
      dev.tocsin.v1.ExplainResponse> getExplainMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.ExplainRequest, dev.tocsin.v1.ExplainResponse> getExplainMethod;
    if ((getExplainMethod = DecisionServiceGrpc.getExplainMethod) == null) {
      synchronized (DecisionServiceGrpc.class) {
        if ((getExplainMethod = DecisionServiceGrpc.getExplainMethod) == null) {
          DecisionServiceGrpc.getExplainMethod = getExplainMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.ExplainRequest, dev.tocsin.v1.ExplainResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Explain"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.ExplainRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.ExplainResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DecisionServiceMethodDescriptorSupplier("Explain"))
              .build();
        }
      }
    }
    return getExplainMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.SimulateRequest,
      dev.tocsin.v1.SimulateResponse> getSimulateMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Simulate",
      requestType = dev.tocsin.v1.SimulateRequest.class,
      responseType = dev.tocsin.v1.SimulateResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.SimulateRequest,
      dev.tocsin.v1.SimulateResponse> getSimulateMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.SimulateRequest, dev.tocsin.v1.SimulateResponse> getSimulateMethod;
    if ((getSimulateMethod = DecisionServiceGrpc.getSimulateMethod) == null) {
      synchronized (DecisionServiceGrpc.class) {
        if ((getSimulateMethod = DecisionServiceGrpc.getSimulateMethod) == null) {
          DecisionServiceGrpc.getSimulateMethod = getSimulateMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.SimulateRequest, dev.tocsin.v1.SimulateResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Simulate"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.SimulateRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.SimulateResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DecisionServiceMethodDescriptorSupplier("Simulate"))
              .build();
        }
      }
    }
    return getSimulateMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.BacktestRequest,
      dev.tocsin.v1.BacktestResponse> getBacktestMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Backtest",
      requestType = dev.tocsin.v1.BacktestRequest.class,
      responseType = dev.tocsin.v1.BacktestResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.BacktestRequest,
      dev.tocsin.v1.BacktestResponse> getBacktestMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.BacktestRequest, dev.tocsin.v1.BacktestResponse> getBacktestMethod;
    if ((getBacktestMethod = DecisionServiceGrpc.getBacktestMethod) == null) {
      synchronized (DecisionServiceGrpc.class) {
        if ((getBacktestMethod = DecisionServiceGrpc.getBacktestMethod) == null) {
          DecisionServiceGrpc.getBacktestMethod = getBacktestMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.BacktestRequest, dev.tocsin.v1.BacktestResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Backtest"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.BacktestRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.BacktestResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DecisionServiceMethodDescriptorSupplier("Backtest"))
              .build();
        }
      }
    }
    return getBacktestMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.WhoAmIRequest,
      dev.tocsin.v1.WhoAmIResponse> getWhoAmIMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WhoAmI",
      requestType = dev.tocsin.v1.WhoAmIRequest.class,
      responseType = dev.tocsin.v1.WhoAmIResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.WhoAmIRequest,
      dev.tocsin.v1.WhoAmIResponse> getWhoAmIMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.WhoAmIRequest, dev.tocsin.v1.WhoAmIResponse> getWhoAmIMethod;
    if ((getWhoAmIMethod = DecisionServiceGrpc.getWhoAmIMethod) == null) {
      synchronized (DecisionServiceGrpc.class) {
        if ((getWhoAmIMethod = DecisionServiceGrpc.getWhoAmIMethod) == null) {
          DecisionServiceGrpc.getWhoAmIMethod = getWhoAmIMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.WhoAmIRequest, dev.tocsin.v1.WhoAmIResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WhoAmI"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.WhoAmIRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.WhoAmIResponse.getDefaultInstance()))
              .setSchemaDescriptor(new DecisionServiceMethodDescriptorSupplier("WhoAmI"))
              .build();
        }
      }
    }
    return getWhoAmIMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static DecisionServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DecisionServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DecisionServiceStub>() {
        @java.lang.Override
        public DecisionServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DecisionServiceStub(channel, callOptions);
        }
      };
    return DecisionServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static DecisionServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DecisionServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DecisionServiceBlockingV2Stub>() {
        @java.lang.Override
        public DecisionServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DecisionServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return DecisionServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static DecisionServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DecisionServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DecisionServiceBlockingStub>() {
        @java.lang.Override
        public DecisionServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DecisionServiceBlockingStub(channel, callOptions);
        }
      };
    return DecisionServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static DecisionServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<DecisionServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<DecisionServiceFutureStub>() {
        @java.lang.Override
        public DecisionServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new DecisionServiceFutureStub(channel, callOptions);
        }
      };
    return DecisionServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Gives deciders what is to be decided, and explains what was.
   * A notification sent with Routing.deferred waits for a decision about its channels. A decider, which is any
   * program with a token of the scope `route`, takes some with `LeaseUndecided`, judges them, and decides each with
   * NotificationService.Route. Several deciders share the work; what a dead one held is given to others when its lease
   * ends; what nobody decides, the routing rules do at Routing.route_by. Whoever decides, the policies of the server
   * bind.
   * Who may call. `route` allows LeaseUndecided, Preview, Explain of what the caller itself decided or holds, and
   * NotificationService.Route; it shows addresses only masked. `simulate`, which `read` includes, allows Explain of
   * everything, Simulate and Backtest. WhoAmI needs no scope. Recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; see ErrorReason.
   * The comments below name the others.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Gives the caller undecided notifications, oldest first, which nobody else is given until the lease ends.
     * With `wait` it waits for the first one, and is woken by a Send on any replica. It returns at once what there
     * is, also when that is less than `max_count`, and nothing when the wait is over. Repeating it gives further
     * ones. A call that the caller breaks off leases nothing; what one leased whose answer was lost comes back when the
     * lease ends, which is never after Notification.route_by. Not more than 2,000 calls may wait at once, and half of
     * them by one caller.
     * Errors: INVALID_FIELD; TOO_MANY_STREAMS (too many calls wait).
     * </pre>
     */
    default void leaseUndecided(dev.tocsin.v1.LeaseUndecidedRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.LeaseUndecidedResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getLeaseUndecidedMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells what would become of a decision if it were made now by Route: which channels policies leave of it.
     * It fails with the error with which Route would fail. Changes nothing: no limit is counted, and the lease goes on.
     * What it tells holds for the moment; Route looks again.
     * Errors: those of NotificationService.Route.
     * </pre>
     */
    default void preview(dev.tocsin.v1.PreviewRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.PreviewResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPreviewMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells who decided about a notification, when, and why; oldest first.
     * Changes nothing.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED for a decider that did not decide it.
     * </pre>
     */
    default void explain(dev.tocsin.v1.ExplainRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.ExplainResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getExplainMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells what would be decided about a notification if it were sent now, and writes nothing.
     * Limits of policies are looked at as they stand, and not counted.
     * Errors: INVALID_FIELD, also for each mistake in `rules`, and for rules that take longer than 5 s;
     * TOO_MANY_STREAMS (too many calls wait for their turn).
     * </pre>
     */
    default void simulate(dev.tocsin.v1.SimulateRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.SimulateResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSimulateMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells what rules would have decided for notifications that are stored, against what was decided.
     * Conditions see the notification as it was sent and the recipient's contact as it is now, at the time when the
     * notification was created. Limits are not looked at. Reads at most `limit` notifications, and for at most 5 s.
     * Changes nothing.
     * Errors: INVALID_FIELD, also for each mistake in `rules`; TOO_MANY_STREAMS (too many calls wait for their turn).
     * </pre>
     */
    default void backtest(dev.tocsin.v1.BacktestRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.BacktestResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getBacktestMethod(), responseObserver);
    }

    /**
     * <pre>
     * Tells as whom the caller is known, and what its credentials allow.
     * For programs that are given a token and want to know at their start what it is good for. Changes nothing.
     * </pre>
     */
    default void whoAmI(dev.tocsin.v1.WhoAmIRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.WhoAmIResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWhoAmIMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service DecisionService.
   * <pre>
   * Gives deciders what is to be decided, and explains what was.
   * A notification sent with Routing.deferred waits for a decision about its channels. A decider, which is any
   * program with a token of the scope `route`, takes some with `LeaseUndecided`, judges them, and decides each with
   * NotificationService.Route. Several deciders share the work; what a dead one held is given to others when its lease
   * ends; what nobody decides, the routing rules do at Routing.route_by. Whoever decides, the policies of the server
   * bind.
   * Who may call. `route` allows LeaseUndecided, Preview, Explain of what the caller itself decided or holds, and
   * NotificationService.Route; it shows addresses only masked. `simulate`, which `read` includes, allows Explain of
   * everything, Simulate and Backtest. WhoAmI needs no scope. Recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; see ErrorReason.
   * The comments below name the others.
   * </pre>
   */
  public static abstract class DecisionServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return DecisionServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service DecisionService.
   * <pre>
   * Gives deciders what is to be decided, and explains what was.
   * A notification sent with Routing.deferred waits for a decision about its channels. A decider, which is any
   * program with a token of the scope `route`, takes some with `LeaseUndecided`, judges them, and decides each with
   * NotificationService.Route. Several deciders share the work; what a dead one held is given to others when its lease
   * ends; what nobody decides, the routing rules do at Routing.route_by. Whoever decides, the policies of the server
   * bind.
   * Who may call. `route` allows LeaseUndecided, Preview, Explain of what the caller itself decided or holds, and
   * NotificationService.Route; it shows addresses only masked. `simulate`, which `read` includes, allows Explain of
   * everything, Simulate and Backtest. WhoAmI needs no scope. Recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; see ErrorReason.
   * The comments below name the others.
   * </pre>
   */
  public static final class DecisionServiceStub
      extends io.grpc.stub.AbstractAsyncStub<DecisionServiceStub> {
    private DecisionServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DecisionServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DecisionServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Gives the caller undecided notifications, oldest first, which nobody else is given until the lease ends.
     * With `wait` it waits for the first one, and is woken by a Send on any replica. It returns at once what there
     * is, also when that is less than `max_count`, and nothing when the wait is over. Repeating it gives further
     * ones. A call that the caller breaks off leases nothing; what one leased whose answer was lost comes back when the
     * lease ends, which is never after Notification.route_by. Not more than 2,000 calls may wait at once, and half of
     * them by one caller.
     * Errors: INVALID_FIELD; TOO_MANY_STREAMS (too many calls wait).
     * </pre>
     */
    public void leaseUndecided(dev.tocsin.v1.LeaseUndecidedRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.LeaseUndecidedResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getLeaseUndecidedMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Tells what would become of a decision if it were made now by Route: which channels policies leave of it.
     * It fails with the error with which Route would fail. Changes nothing: no limit is counted, and the lease goes on.
     * What it tells holds for the moment; Route looks again.
     * Errors: those of NotificationService.Route.
     * </pre>
     */
    public void preview(dev.tocsin.v1.PreviewRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.PreviewResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPreviewMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Tells who decided about a notification, when, and why; oldest first.
     * Changes nothing.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED for a decider that did not decide it.
     * </pre>
     */
    public void explain(dev.tocsin.v1.ExplainRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.ExplainResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getExplainMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Tells what would be decided about a notification if it were sent now, and writes nothing.
     * Limits of policies are looked at as they stand, and not counted.
     * Errors: INVALID_FIELD, also for each mistake in `rules`, and for rules that take longer than 5 s;
     * TOO_MANY_STREAMS (too many calls wait for their turn).
     * </pre>
     */
    public void simulate(dev.tocsin.v1.SimulateRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.SimulateResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSimulateMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Tells what rules would have decided for notifications that are stored, against what was decided.
     * Conditions see the notification as it was sent and the recipient's contact as it is now, at the time when the
     * notification was created. Limits are not looked at. Reads at most `limit` notifications, and for at most 5 s.
     * Changes nothing.
     * Errors: INVALID_FIELD, also for each mistake in `rules`; TOO_MANY_STREAMS (too many calls wait for their turn).
     * </pre>
     */
    public void backtest(dev.tocsin.v1.BacktestRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.BacktestResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getBacktestMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Tells as whom the caller is known, and what its credentials allow.
     * For programs that are given a token and want to know at their start what it is good for. Changes nothing.
     * </pre>
     */
    public void whoAmI(dev.tocsin.v1.WhoAmIRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.WhoAmIResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getWhoAmIMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service DecisionService.
   * <pre>
   * Gives deciders what is to be decided, and explains what was.
   * A notification sent with Routing.deferred waits for a decision about its channels. A decider, which is any
   * program with a token of the scope `route`, takes some with `LeaseUndecided`, judges them, and decides each with
   * NotificationService.Route. Several deciders share the work; what a dead one held is given to others when its lease
   * ends; what nobody decides, the routing rules do at Routing.route_by. Whoever decides, the policies of the server
   * bind.
   * Who may call. `route` allows LeaseUndecided, Preview, Explain of what the caller itself decided or holds, and
   * NotificationService.Route; it shows addresses only masked. `simulate`, which `read` includes, allows Explain of
   * everything, Simulate and Backtest. WhoAmI needs no scope. Recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; see ErrorReason.
   * The comments below name the others.
   * </pre>
   */
  public static final class DecisionServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<DecisionServiceBlockingV2Stub> {
    private DecisionServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DecisionServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DecisionServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Gives the caller undecided notifications, oldest first, which nobody else is given until the lease ends.
     * With `wait` it waits for the first one, and is woken by a Send on any replica. It returns at once what there
     * is, also when that is less than `max_count`, and nothing when the wait is over. Repeating it gives further
     * ones. A call that the caller breaks off leases nothing; what one leased whose answer was lost comes back when the
     * lease ends, which is never after Notification.route_by. Not more than 2,000 calls may wait at once, and half of
     * them by one caller.
     * Errors: INVALID_FIELD; TOO_MANY_STREAMS (too many calls wait).
     * </pre>
     */
    public dev.tocsin.v1.LeaseUndecidedResponse leaseUndecided(dev.tocsin.v1.LeaseUndecidedRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getLeaseUndecidedMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells what would become of a decision if it were made now by Route: which channels policies leave of it.
     * It fails with the error with which Route would fail. Changes nothing: no limit is counted, and the lease goes on.
     * What it tells holds for the moment; Route looks again.
     * Errors: those of NotificationService.Route.
     * </pre>
     */
    public dev.tocsin.v1.PreviewResponse preview(dev.tocsin.v1.PreviewRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPreviewMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells who decided about a notification, when, and why; oldest first.
     * Changes nothing.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED for a decider that did not decide it.
     * </pre>
     */
    public dev.tocsin.v1.ExplainResponse explain(dev.tocsin.v1.ExplainRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getExplainMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells what would be decided about a notification if it were sent now, and writes nothing.
     * Limits of policies are looked at as they stand, and not counted.
     * Errors: INVALID_FIELD, also for each mistake in `rules`, and for rules that take longer than 5 s;
     * TOO_MANY_STREAMS (too many calls wait for their turn).
     * </pre>
     */
    public dev.tocsin.v1.SimulateResponse simulate(dev.tocsin.v1.SimulateRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSimulateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells what rules would have decided for notifications that are stored, against what was decided.
     * Conditions see the notification as it was sent and the recipient's contact as it is now, at the time when the
     * notification was created. Limits are not looked at. Reads at most `limit` notifications, and for at most 5 s.
     * Changes nothing.
     * Errors: INVALID_FIELD, also for each mistake in `rules`; TOO_MANY_STREAMS (too many calls wait for their turn).
     * </pre>
     */
    public dev.tocsin.v1.BacktestResponse backtest(dev.tocsin.v1.BacktestRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getBacktestMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells as whom the caller is known, and what its credentials allow.
     * For programs that are given a token and want to know at their start what it is good for. Changes nothing.
     * </pre>
     */
    public dev.tocsin.v1.WhoAmIResponse whoAmI(dev.tocsin.v1.WhoAmIRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getWhoAmIMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service DecisionService.
   * <pre>
   * Gives deciders what is to be decided, and explains what was.
   * A notification sent with Routing.deferred waits for a decision about its channels. A decider, which is any
   * program with a token of the scope `route`, takes some with `LeaseUndecided`, judges them, and decides each with
   * NotificationService.Route. Several deciders share the work; what a dead one held is given to others when its lease
   * ends; what nobody decides, the routing rules do at Routing.route_by. Whoever decides, the policies of the server
   * bind.
   * Who may call. `route` allows LeaseUndecided, Preview, Explain of what the caller itself decided or holds, and
   * NotificationService.Route; it shows addresses only masked. `simulate`, which `read` includes, allows Explain of
   * everything, Simulate and Backtest. WhoAmI needs no scope. Recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; see ErrorReason.
   * The comments below name the others.
   * </pre>
   */
  public static final class DecisionServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<DecisionServiceBlockingStub> {
    private DecisionServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DecisionServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DecisionServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Gives the caller undecided notifications, oldest first, which nobody else is given until the lease ends.
     * With `wait` it waits for the first one, and is woken by a Send on any replica. It returns at once what there
     * is, also when that is less than `max_count`, and nothing when the wait is over. Repeating it gives further
     * ones. A call that the caller breaks off leases nothing; what one leased whose answer was lost comes back when the
     * lease ends, which is never after Notification.route_by. Not more than 2,000 calls may wait at once, and half of
     * them by one caller.
     * Errors: INVALID_FIELD; TOO_MANY_STREAMS (too many calls wait).
     * </pre>
     */
    public dev.tocsin.v1.LeaseUndecidedResponse leaseUndecided(dev.tocsin.v1.LeaseUndecidedRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getLeaseUndecidedMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells what would become of a decision if it were made now by Route: which channels policies leave of it.
     * It fails with the error with which Route would fail. Changes nothing: no limit is counted, and the lease goes on.
     * What it tells holds for the moment; Route looks again.
     * Errors: those of NotificationService.Route.
     * </pre>
     */
    public dev.tocsin.v1.PreviewResponse preview(dev.tocsin.v1.PreviewRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPreviewMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells who decided about a notification, when, and why; oldest first.
     * Changes nothing.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED for a decider that did not decide it.
     * </pre>
     */
    public dev.tocsin.v1.ExplainResponse explain(dev.tocsin.v1.ExplainRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getExplainMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells what would be decided about a notification if it were sent now, and writes nothing.
     * Limits of policies are looked at as they stand, and not counted.
     * Errors: INVALID_FIELD, also for each mistake in `rules`, and for rules that take longer than 5 s;
     * TOO_MANY_STREAMS (too many calls wait for their turn).
     * </pre>
     */
    public dev.tocsin.v1.SimulateResponse simulate(dev.tocsin.v1.SimulateRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSimulateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells what rules would have decided for notifications that are stored, against what was decided.
     * Conditions see the notification as it was sent and the recipient's contact as it is now, at the time when the
     * notification was created. Limits are not looked at. Reads at most `limit` notifications, and for at most 5 s.
     * Changes nothing.
     * Errors: INVALID_FIELD, also for each mistake in `rules`; TOO_MANY_STREAMS (too many calls wait for their turn).
     * </pre>
     */
    public dev.tocsin.v1.BacktestResponse backtest(dev.tocsin.v1.BacktestRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getBacktestMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Tells as whom the caller is known, and what its credentials allow.
     * For programs that are given a token and want to know at their start what it is good for. Changes nothing.
     * </pre>
     */
    public dev.tocsin.v1.WhoAmIResponse whoAmI(dev.tocsin.v1.WhoAmIRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getWhoAmIMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service DecisionService.
   * <pre>
   * Gives deciders what is to be decided, and explains what was.
   * A notification sent with Routing.deferred waits for a decision about its channels. A decider, which is any
   * program with a token of the scope `route`, takes some with `LeaseUndecided`, judges them, and decides each with
   * NotificationService.Route. Several deciders share the work; what a dead one held is given to others when its lease
   * ends; what nobody decides, the routing rules do at Routing.route_by. Whoever decides, the policies of the server
   * bind.
   * Who may call. `route` allows LeaseUndecided, Preview, Explain of what the caller itself decided or holds, and
   * NotificationService.Route; it shows addresses only masked. `simulate`, which `read` includes, allows Explain of
   * everything, Simulate and Backtest. WhoAmI needs no scope. Recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; see ErrorReason.
   * The comments below name the others.
   * </pre>
   */
  public static final class DecisionServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<DecisionServiceFutureStub> {
    private DecisionServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected DecisionServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new DecisionServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Gives the caller undecided notifications, oldest first, which nobody else is given until the lease ends.
     * With `wait` it waits for the first one, and is woken by a Send on any replica. It returns at once what there
     * is, also when that is less than `max_count`, and nothing when the wait is over. Repeating it gives further
     * ones. A call that the caller breaks off leases nothing; what one leased whose answer was lost comes back when the
     * lease ends, which is never after Notification.route_by. Not more than 2,000 calls may wait at once, and half of
     * them by one caller.
     * Errors: INVALID_FIELD; TOO_MANY_STREAMS (too many calls wait).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.LeaseUndecidedResponse> leaseUndecided(
        dev.tocsin.v1.LeaseUndecidedRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getLeaseUndecidedMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells what would become of a decision if it were made now by Route: which channels policies leave of it.
     * It fails with the error with which Route would fail. Changes nothing: no limit is counted, and the lease goes on.
     * What it tells holds for the moment; Route looks again.
     * Errors: those of NotificationService.Route.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.PreviewResponse> preview(
        dev.tocsin.v1.PreviewRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPreviewMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells who decided about a notification, when, and why; oldest first.
     * Changes nothing.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED for a decider that did not decide it.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.ExplainResponse> explain(
        dev.tocsin.v1.ExplainRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getExplainMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells what would be decided about a notification if it were sent now, and writes nothing.
     * Limits of policies are looked at as they stand, and not counted.
     * Errors: INVALID_FIELD, also for each mistake in `rules`, and for rules that take longer than 5 s;
     * TOO_MANY_STREAMS (too many calls wait for their turn).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.SimulateResponse> simulate(
        dev.tocsin.v1.SimulateRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSimulateMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells what rules would have decided for notifications that are stored, against what was decided.
     * Conditions see the notification as it was sent and the recipient's contact as it is now, at the time when the
     * notification was created. Limits are not looked at. Reads at most `limit` notifications, and for at most 5 s.
     * Changes nothing.
     * Errors: INVALID_FIELD, also for each mistake in `rules`; TOO_MANY_STREAMS (too many calls wait for their turn).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.BacktestResponse> backtest(
        dev.tocsin.v1.BacktestRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getBacktestMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Tells as whom the caller is known, and what its credentials allow.
     * For programs that are given a token and want to know at their start what it is good for. Changes nothing.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.WhoAmIResponse> whoAmI(
        dev.tocsin.v1.WhoAmIRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getWhoAmIMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_LEASE_UNDECIDED = 0;
  private static final int METHODID_PREVIEW = 1;
  private static final int METHODID_EXPLAIN = 2;
  private static final int METHODID_SIMULATE = 3;
  private static final int METHODID_BACKTEST = 4;
  private static final int METHODID_WHO_AM_I = 5;

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
        case METHODID_LEASE_UNDECIDED:
          serviceImpl.leaseUndecided((dev.tocsin.v1.LeaseUndecidedRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.LeaseUndecidedResponse>) responseObserver);
          break;
        case METHODID_PREVIEW:
          serviceImpl.preview((dev.tocsin.v1.PreviewRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.PreviewResponse>) responseObserver);
          break;
        case METHODID_EXPLAIN:
          serviceImpl.explain((dev.tocsin.v1.ExplainRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.ExplainResponse>) responseObserver);
          break;
        case METHODID_SIMULATE:
          serviceImpl.simulate((dev.tocsin.v1.SimulateRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.SimulateResponse>) responseObserver);
          break;
        case METHODID_BACKTEST:
          serviceImpl.backtest((dev.tocsin.v1.BacktestRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.BacktestResponse>) responseObserver);
          break;
        case METHODID_WHO_AM_I:
          serviceImpl.whoAmI((dev.tocsin.v1.WhoAmIRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.WhoAmIResponse>) responseObserver);
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
          getLeaseUndecidedMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.LeaseUndecidedRequest,
              dev.tocsin.v1.LeaseUndecidedResponse>(
                service, METHODID_LEASE_UNDECIDED)))
        .addMethod(
          getPreviewMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.PreviewRequest,
              dev.tocsin.v1.PreviewResponse>(
                service, METHODID_PREVIEW)))
        .addMethod(
          getExplainMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.ExplainRequest,
              dev.tocsin.v1.ExplainResponse>(
                service, METHODID_EXPLAIN)))
        .addMethod(
          getSimulateMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.SimulateRequest,
              dev.tocsin.v1.SimulateResponse>(
                service, METHODID_SIMULATE)))
        .addMethod(
          getBacktestMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.BacktestRequest,
              dev.tocsin.v1.BacktestResponse>(
                service, METHODID_BACKTEST)))
        .addMethod(
          getWhoAmIMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.WhoAmIRequest,
              dev.tocsin.v1.WhoAmIResponse>(
                service, METHODID_WHO_AM_I)))
        .build();
  }

  private static abstract class DecisionServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    DecisionServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.tocsin.v1.DecisionServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("DecisionService");
    }
  }

  private static final class DecisionServiceFileDescriptorSupplier
      extends DecisionServiceBaseDescriptorSupplier {
    DecisionServiceFileDescriptorSupplier() {}
  }

  private static final class DecisionServiceMethodDescriptorSupplier
      extends DecisionServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    DecisionServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (DecisionServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new DecisionServiceFileDescriptorSupplier())
              .addMethod(getLeaseUndecidedMethod())
              .addMethod(getPreviewMethod())
              .addMethod(getExplainMethod())
              .addMethod(getSimulateMethod())
              .addMethod(getBacktestMethod())
              .addMethod(getWhoAmIMethod())
              .build();
        }
      }
    }
    return result;
  }
}
