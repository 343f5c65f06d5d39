package dev.tocsin.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Sends notifications, tells what became of them, and serves recipients their feed.
 * A caller hands over a notification with `Send`: who it is for, a title, a message, and either the channels
 * to use (e-mail, SMS, Telegram, the live feed) or nothing, in which case routing rules decide.
 * Tocsin stores it before it answers, sends it through each channel, retries what failed for the moment, and
 * records every outcome, which `Get` and `List` show. A registered recipient also has a feed, an inbox with a
 * count of what is unread: it holds the notifications that have a WEBSOCKET channel, from the moment that
 * channel becomes due. `List` with `feed_only` shows the feed, `Subscribe` follows it live, and `MarkRead`
 * works on it for all of the recipient's devices at once.
 * Who may call. Credentials travel as metadata, `authorization: Bearer &lt;token&gt;`. A service token may do what
 * its scopes say. A recipient's token (a JWT that names one recipient) may call Subscribe, List with
 * `feed_only`, MarkRead and CountUnread on that recipient alone, sees no `response` and no `address`, and may
 * do nothing else. What was sent belongs to the caller that sent it (Notification.owner): Cancel and Retry by
 * another caller need the scope `send_any` or `admin`. A token that has only the scope `route` may call Route, List
 * with `unrouted_only` alone, and what DecisionService says; it sees no address in full. On a server without configured credentials everybody may do everything.
 * Errors. Every error of this service has a canonical gRPC code and carries a google.rpc.ErrorInfo whose
 * `reason` is documented in ErrorReason; the comments here name errors by it. A call that failed has changed
 * nothing, unless its comment says otherwise. The codes CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE leave
 * open whether the call took effect; each RPC says what repeating it does. Any RPC can fail with
 * MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED, PERMISSION_DENIED,
 * RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; the comments below name the
 * others.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class NotificationServiceGrpc {

  private NotificationServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "tocsin.v1.NotificationService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.SendRequest,
      dev.tocsin.v1.SendResponse> getSendMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Send",
      requestType = dev.tocsin.v1.SendRequest.class,
      responseType = dev.tocsin.v1.SendResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.SendRequest,
      dev.tocsin.v1.SendResponse> getSendMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.SendRequest, dev.tocsin.v1.SendResponse> getSendMethod;
    if ((getSendMethod = NotificationServiceGrpc.getSendMethod) == null) {
      synchronized (NotificationServiceGrpc.class) {
        if ((getSendMethod = NotificationServiceGrpc.getSendMethod) == null) {
          NotificationServiceGrpc.getSendMethod = getSendMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.SendRequest, dev.tocsin.v1.SendResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Send"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.SendRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.SendResponse.getDefaultInstance()))
              .setSchemaDescriptor(new NotificationServiceMethodDescriptorSupplier("Send"))
              .build();
        }
      }
    }
    return getSendMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.SendBatchRequest,
      dev.tocsin.v1.SendBatchResponse> getSendBatchMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "SendBatch",
      requestType = dev.tocsin.v1.SendBatchRequest.class,
      responseType = dev.tocsin.v1.SendBatchResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.SendBatchRequest,
      dev.tocsin.v1.SendBatchResponse> getSendBatchMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.SendBatchRequest, dev.tocsin.v1.SendBatchResponse> getSendBatchMethod;
    if ((getSendBatchMethod = NotificationServiceGrpc.getSendBatchMethod) == null) {
      synchronized (NotificationServiceGrpc.class) {
        if ((getSendBatchMethod = NotificationServiceGrpc.getSendBatchMethod) == null) {
          NotificationServiceGrpc.getSendBatchMethod = getSendBatchMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.SendBatchRequest, dev.tocsin.v1.SendBatchResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "SendBatch"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.SendBatchRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.SendBatchResponse.getDefaultInstance()))
              .setSchemaDescriptor(new NotificationServiceMethodDescriptorSupplier("SendBatch"))
              .build();
        }
      }
    }
    return getSendBatchMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.GetRequest,
      dev.tocsin.v1.GetResponse> getGetMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Get",
      requestType = dev.tocsin.v1.GetRequest.class,
      responseType = dev.tocsin.v1.GetResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.GetRequest,
      dev.tocsin.v1.GetResponse> getGetMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.GetRequest, dev.tocsin.v1.GetResponse> getGetMethod;
    if ((getGetMethod = NotificationServiceGrpc.getGetMethod) == null) {
      synchronized (NotificationServiceGrpc.class) {
        if ((getGetMethod = NotificationServiceGrpc.getGetMethod) == null) {
          NotificationServiceGrpc.getGetMethod = getGetMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.GetRequest, dev.tocsin.v1.GetResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Get"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.GetRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.GetResponse.getDefaultInstance()))
              .setSchemaDescriptor(new NotificationServiceMethodDescriptorSupplier("Get"))
              .build();
        }
      }
    }
    return getGetMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.ListRequest,
      dev.tocsin.v1.ListResponse> getListMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "List",
      requestType = dev.tocsin.v1.ListRequest.class,
      responseType = dev.tocsin.v1.ListResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.ListRequest,
      dev.tocsin.v1.ListResponse> getListMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.ListRequest, dev.tocsin.v1.ListResponse> getListMethod;
    if ((getListMethod = NotificationServiceGrpc.getListMethod) == null) {
      synchronized (NotificationServiceGrpc.class) {
        if ((getListMethod = NotificationServiceGrpc.getListMethod) == null) {
          NotificationServiceGrpc.getListMethod = getListMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.ListRequest, dev.tocsin.v1.ListResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "List"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.ListRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.ListResponse.getDefaultInstance()))
              .setSchemaDescriptor(new NotificationServiceMethodDescriptorSupplier("List"))
              .build();
        }
      }
    }
    return getListMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.MarkReadRequest,
      dev.tocsin.v1.MarkReadResponse> getMarkReadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "MarkRead",
      requestType = dev.tocsin.v1.MarkReadRequest.class,
      responseType = dev.tocsin.v1.MarkReadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.MarkReadRequest,
      dev.tocsin.v1.MarkReadResponse> getMarkReadMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.MarkReadRequest, dev.tocsin.v1.MarkReadResponse> getMarkReadMethod;
    if ((getMarkReadMethod = NotificationServiceGrpc.getMarkReadMethod) == null) {
      synchronized (NotificationServiceGrpc.class) {
        if ((getMarkReadMethod = NotificationServiceGrpc.getMarkReadMethod) == null) {
          NotificationServiceGrpc.getMarkReadMethod = getMarkReadMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.MarkReadRequest, dev.tocsin.v1.MarkReadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "MarkRead"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.MarkReadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.MarkReadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new NotificationServiceMethodDescriptorSupplier("MarkRead"))
              .build();
        }
      }
    }
    return getMarkReadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.CountUnreadRequest,
      dev.tocsin.v1.CountUnreadResponse> getCountUnreadMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CountUnread",
      requestType = dev.tocsin.v1.CountUnreadRequest.class,
      responseType = dev.tocsin.v1.CountUnreadResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.CountUnreadRequest,
      dev.tocsin.v1.CountUnreadResponse> getCountUnreadMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.CountUnreadRequest, dev.tocsin.v1.CountUnreadResponse> getCountUnreadMethod;
    if ((getCountUnreadMethod = NotificationServiceGrpc.getCountUnreadMethod) == null) {
      synchronized (NotificationServiceGrpc.class) {
        if ((getCountUnreadMethod = NotificationServiceGrpc.getCountUnreadMethod) == null) {
          NotificationServiceGrpc.getCountUnreadMethod = getCountUnreadMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.CountUnreadRequest, dev.tocsin.v1.CountUnreadResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CountUnread"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.CountUnreadRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.CountUnreadResponse.getDefaultInstance()))
              .setSchemaDescriptor(new NotificationServiceMethodDescriptorSupplier("CountUnread"))
              .build();
        }
      }
    }
    return getCountUnreadMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.CancelRequest,
      dev.tocsin.v1.CancelResponse> getCancelMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Cancel",
      requestType = dev.tocsin.v1.CancelRequest.class,
      responseType = dev.tocsin.v1.CancelResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.CancelRequest,
      dev.tocsin.v1.CancelResponse> getCancelMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.CancelRequest, dev.tocsin.v1.CancelResponse> getCancelMethod;
    if ((getCancelMethod = NotificationServiceGrpc.getCancelMethod) == null) {
      synchronized (NotificationServiceGrpc.class) {
        if ((getCancelMethod = NotificationServiceGrpc.getCancelMethod) == null) {
          NotificationServiceGrpc.getCancelMethod = getCancelMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.CancelRequest, dev.tocsin.v1.CancelResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Cancel"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.CancelRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.CancelResponse.getDefaultInstance()))
              .setSchemaDescriptor(new NotificationServiceMethodDescriptorSupplier("Cancel"))
              .build();
        }
      }
    }
    return getCancelMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.RetryRequest,
      dev.tocsin.v1.RetryResponse> getRetryMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Retry",
      requestType = dev.tocsin.v1.RetryRequest.class,
      responseType = dev.tocsin.v1.RetryResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.RetryRequest,
      dev.tocsin.v1.RetryResponse> getRetryMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.RetryRequest, dev.tocsin.v1.RetryResponse> getRetryMethod;
    if ((getRetryMethod = NotificationServiceGrpc.getRetryMethod) == null) {
      synchronized (NotificationServiceGrpc.class) {
        if ((getRetryMethod = NotificationServiceGrpc.getRetryMethod) == null) {
          NotificationServiceGrpc.getRetryMethod = getRetryMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.RetryRequest, dev.tocsin.v1.RetryResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Retry"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.RetryRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.RetryResponse.getDefaultInstance()))
              .setSchemaDescriptor(new NotificationServiceMethodDescriptorSupplier("Retry"))
              .build();
        }
      }
    }
    return getRetryMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.RouteRequest,
      dev.tocsin.v1.RouteResponse> getRouteMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Route",
      requestType = dev.tocsin.v1.RouteRequest.class,
      responseType = dev.tocsin.v1.RouteResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.RouteRequest,
      dev.tocsin.v1.RouteResponse> getRouteMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.RouteRequest, dev.tocsin.v1.RouteResponse> getRouteMethod;
    if ((getRouteMethod = NotificationServiceGrpc.getRouteMethod) == null) {
      synchronized (NotificationServiceGrpc.class) {
        if ((getRouteMethod = NotificationServiceGrpc.getRouteMethod) == null) {
          NotificationServiceGrpc.getRouteMethod = getRouteMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.RouteRequest, dev.tocsin.v1.RouteResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Route"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.RouteRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.RouteResponse.getDefaultInstance()))
              .setSchemaDescriptor(new NotificationServiceMethodDescriptorSupplier("Route"))
              .build();
        }
      }
    }
    return getRouteMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.SubscribeRequest,
      dev.tocsin.v1.SubscribeResponse> getSubscribeMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Subscribe",
      requestType = dev.tocsin.v1.SubscribeRequest.class,
      responseType = dev.tocsin.v1.SubscribeResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.SubscribeRequest,
      dev.tocsin.v1.SubscribeResponse> getSubscribeMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.SubscribeRequest, dev.tocsin.v1.SubscribeResponse> getSubscribeMethod;
    if ((getSubscribeMethod = NotificationServiceGrpc.getSubscribeMethod) == null) {
      synchronized (NotificationServiceGrpc.class) {
        if ((getSubscribeMethod = NotificationServiceGrpc.getSubscribeMethod) == null) {
          NotificationServiceGrpc.getSubscribeMethod = getSubscribeMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.SubscribeRequest, dev.tocsin.v1.SubscribeResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Subscribe"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.SubscribeRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.SubscribeResponse.getDefaultInstance()))
              .setSchemaDescriptor(new NotificationServiceMethodDescriptorSupplier("Subscribe"))
              .build();
        }
      }
    }
    return getSubscribeMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static NotificationServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<NotificationServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<NotificationServiceStub>() {
        @java.lang.Override
        public NotificationServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new NotificationServiceStub(channel, callOptions);
        }
      };
    return NotificationServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static NotificationServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<NotificationServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<NotificationServiceBlockingV2Stub>() {
        @java.lang.Override
        public NotificationServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new NotificationServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return NotificationServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static NotificationServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<NotificationServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<NotificationServiceBlockingStub>() {
        @java.lang.Override
        public NotificationServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new NotificationServiceBlockingStub(channel, callOptions);
        }
      };
    return NotificationServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static NotificationServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<NotificationServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<NotificationServiceFutureStub>() {
        @java.lang.Override
        public NotificationServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new NotificationServiceFutureStub(channel, callOptions);
        }
      };
    return NotificationServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Sends notifications, tells what became of them, and serves recipients their feed.
   * A caller hands over a notification with `Send`: who it is for, a title, a message, and either the channels
   * to use (e-mail, SMS, Telegram, the live feed) or nothing, in which case routing rules decide.
   * Tocsin stores it before it answers, sends it through each channel, retries what failed for the moment, and
   * records every outcome, which `Get` and `List` show. A registered recipient also has a feed, an inbox with a
   * count of what is unread: it holds the notifications that have a WEBSOCKET channel, from the moment that
   * channel becomes due. `List` with `feed_only` shows the feed, `Subscribe` follows it live, and `MarkRead`
   * works on it for all of the recipient's devices at once.
   * Who may call. Credentials travel as metadata, `authorization: Bearer &lt;token&gt;`. A service token may do what
   * its scopes say. A recipient's token (a JWT that names one recipient) may call Subscribe, List with
   * `feed_only`, MarkRead and CountUnread on that recipient alone, sees no `response` and no `address`, and may
   * do nothing else. What was sent belongs to the caller that sent it (Notification.owner): Cancel and Retry by
   * another caller need the scope `send_any` or `admin`. A token that has only the scope `route` may call Route, List
   * with `unrouted_only` alone, and what DecisionService says; it sees no address in full. On a server without configured credentials everybody may do everything.
   * Errors. Every error of this service has a canonical gRPC code and carries a google.rpc.ErrorInfo whose
   * `reason` is documented in ErrorReason; the comments here name errors by it. A call that failed has changed
   * nothing, unless its comment says otherwise. The codes CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE leave
   * open whether the call took effect; each RPC says what repeating it does. Any RPC can fail with
   * MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED, PERMISSION_DENIED,
   * RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; the comments below name the
   * others.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Stores one notification with its channels and queues it for sending.
     * Durable: once this returns OK, the notification survives a crash of the server and a loss of power, and
     * each of its channels ends as SENT or FAILED or is still being worked on. It does not wait for any
     * provider, so OK does not mean sent. Sending is at least once: a crash in the wrong moment can make a
     * provider send twice.
     * Idempotent with an `idempotency_key`, and then safe to repeat after any error; without one, repeating an
     * interrupted call can create a second notification.
     * Errors: INVALID_FIELD; IDEMPOTENCY_KEY_REUSED; CHANNEL_NOT_CONFIGURED; ADDRESS_UNKNOWN;
     * RECIPIENT_NOT_REGISTERED; NO_ROUTE (no channel was named and the rules found none); POLICY_DENIED; POLICY_LIMIT;
     * QUEUE_FULL.
     * </pre>
     */
    default void send(dev.tocsin.v1.SendRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.SendResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSendMethod(), responseObserver);
    }

    /**
     * <pre>
     * Stores up to 1,000 notifications in one call and one commit.
     * Each request stands for itself: one that is refused does not spoil the others, and has its error in the
     * result at its position. What holds for Send holds for each of them; all that were accepted are durable
     * when this returns. An idempotency key that occurs twice in the batch gives the later request the first
     * one's result with `duplicate`, or IDEMPOTENCY_KEY_REUSED if the content differs. If the call itself
     * fails, no request was accepted; after CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE that is open, all or
     * none, and repeating it with idempotency keys is safe.
     * Errors of the call as a whole: BATCH_TOO_LARGE; INVALID_FIELD (no requests); QUEUE_FULL.
     * </pre>
     */
    default void sendBatch(dev.tocsin.v1.SendBatchRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.SendBatchResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSendBatchMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns one notification with its channels.
     * Changes nothing. It shows what is committed: after Send has returned, Get finds the notification.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND.
     * </pre>
     */
    default void get(dev.tocsin.v1.GetRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.GetResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns notifications that match, page by page.
     * Newest first, by `created_at` and then `id`; with `feed_only`, in the order in which they entered the
     * recipient's feed, latest first. Notifications that arrive while a caller turns pages belong before the
     * first page: they neither shift nor repeat what follows. Changes nothing.
     * To show an inbox and keep it current without a gap: List with `feed_only`, then Subscribe with the
     * `cursor` of the first page. Further pages can be read at leisure.
     * Errors: INVALID_FIELD; MALFORMED_PAGE_TOKEN; PERMISSION_DENIED when a recipient's token asks without
     * `feed_only`, or for another recipient, and when one with the scope `route` asks without `unrouted_only`.
     * </pre>
     */
    default void list(dev.tocsin.v1.ListRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.ListResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListMethod(), responseObserver);
    }

    /**
     * <pre>
     * Marks notifications as read, for all of the recipient's devices: their streams get a ReadChanged.
     * Either by ids, all or none; or a recipient's feed, up to a cursor or whole. A large feed is done in
     * chunks, so that if the call fails halfway, some are read and the rest is not. Idempotent: what is read
     * already is left as it is, with its old `read_at`, and is not counted. Reading also ends a FALLBACK strategy
     * whose goal it is: no later step starts, and what still waits fails with `SUPERSEDED`. A notification outside the
     * feed can be marked by its id, which does not change `unread_count`.
     * Errors: INVALID_FIELD; MALFORMED_CURSOR; NOTIFICATION_NOT_FOUND (one of the ids is unknown; for a
     * recipient's token also when it is another's).
     * </pre>
     */
    default void markRead(dev.tocsin.v1.MarkReadRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.MarkReadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getMarkReadMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns how many notifications in a recipient's feed are unread.
     * Costs the same however many there are. Changes nothing. A recipient without a feed has 0.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    default void countUnread(dev.tocsin.v1.CountUnreadRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.CountUnreadResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCountUnreadMethod(), responseObserver);
    }

    /**
     * <pre>
     * Stops what is still to come of a notification.
     * Pending channels fail with the reason `CANCELLED` in their `response`; no later step and no decision
     * follows. What is being sent at this very moment may still be recorded as SENT. What is in the feed stays
     * there. A notification that is SENT can be cancelled while a later step of a FALLBACK strategy is outstanding. Not
     * undone by anything but Retry. Repeating it fails with ALREADY_SETTLED, since nothing is
     * outstanding then.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED when it is another caller's; ALREADY_SETTLED.
     * </pre>
     */
    default void cancel(dev.tocsin.v1.CancelRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.CancelResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCancelMethod(), responseObserver);
    }

    /**
     * <pre>
     * Revives failed channels of a notification, cancelled ones included: they are PENDING and due again, at once or
     * at `send_at` if that lies ahead.
     * Each gets a new budget of attempts on top of those it made; `attempts` keeps counting. All that the
     * request names are revived, or none. A notification that failed without ever having a channel cannot be
     * retried; send it anew. Repeating it fails with NOT_RETRYABLE for as long as the channels are not FAILED
     * again, so that an interrupted call can be repeated without harm.
     * Of a FALLBACK strategy, Retry revives steps that have begun, and nothing else: a revived one runs beside the later
     * step that its failure had started, and starts none when it fails again. Steps that Cancel, reading or expiry have
     * ended do not come back. A step whose goal is that the notification is read fails with
     * `SUPERSEDED` again if it is.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED when it is another caller's; NOT_RETRYABLE;
     * EXPIRED; CHANNEL_NOT_CONFIGURED.
     * </pre>
     */
    default void retry(dev.tocsin.v1.RetryRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.RetryResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRetryMethod(), responseObserver);
    }

    /**
     * <pre>
     * Decides the channels of a notification that was sent with Routing.deferred.
     * The first decision wins, whether it comes from this RPC or, at Routing.route_by, from the rules. Repeating the
     * same decision by the same caller answers as the first time, so an interrupted call can be repeated; any other
     * later one fails with ALREADY_ROUTED. (`reason`, `decider` and `lease_token` make it no other decision.) The
     * policies of the server narrow the channels to what is allowed, which Explain shows; a decision of which nothing is
     * left is refused, and the notification stays undecided. While another caller holds it (LeaseUndecided),
     * `lease_token` is needed. Durable when it returns.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; ALREADY_ROUTED; ALREADY_SETTLED (cancelled before);
     * EXPIRED; LEASE_HELD; LEASE_EXPIRED; CHANNEL_NOT_CONFIGURED; ADDRESS_UNKNOWN; RECIPIENT_NOT_REGISTERED;
     * POLICY_DENIED; POLICY_LIMIT.
     * </pre>
     */
    default void route(dev.tocsin.v1.RouteRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.RouteResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getRouteMethod(), responseObserver);
    }

    /**
     * <pre>
     * Follows a recipient's feed live, and resumes after an interruption without a gap.
     * The first event is always Subscribed. If the request has a cursor, everything after it follows (the
     * replay), then what happens from now on. Without a cursor the stream begins now, preceded by notifications
     * that have been waiting for a first subscriber. New notifications arrive in feed order, none missing. A
     * change of read state comes as ReadChanged while the stream is live; in a replay a notification that
     * changed comes once, whole and in its latest state, so that a replay is complete as to the outcome but is
     * not a log of every change. A change of `status` or `channels` alone need not cause an event. Delivery is
     * at least once: clients replace what they have of the same `id`.
     * Every event carries the cursor to resume after it. A client keeps the last one, and when the stream ends
     * subscribes again with it, after a delay that grows with jitter. When Subscribed says `recovered = false`,
     * something between the cursor and now cannot be replayed: the client lists the feed from the first page,
     * then subscribes with its cursor.
     * A stream does not end by itself with OK. Planned ends are STREAM_AGED and SHUTTING_DOWN; a client that
     * reads too slowly gets SUBSCRIBER_TOO_SLOW and delays nobody else; the stream ends with TOKEN_EXPIRED when
     * its token does. Resume in all these cases, with a new token in the last. A stream without any event for
     * 60 s, heartbeats included, is dead: end it and resume.
     * Errors before the first event: INVALID_FIELD; MALFORMED_CURSOR; TOO_MANY_STREAMS.
     * </pre>
     */
    default void subscribe(dev.tocsin.v1.SubscribeRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.SubscribeResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getSubscribeMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service NotificationService.
   * <pre>
   * Sends notifications, tells what became of them, and serves recipients their feed.
   * A caller hands over a notification with `Send`: who it is for, a title, a message, and either the channels
   * to use (e-mail, SMS, Telegram, the live feed) or nothing, in which case routing rules decide.
   * Tocsin stores it before it answers, sends it through each channel, retries what failed for the moment, and
   * records every outcome, which `Get` and `List` show. A registered recipient also has a feed, an inbox with a
   * count of what is unread: it holds the notifications that have a WEBSOCKET channel, from the moment that
   * channel becomes due. `List` with `feed_only` shows the feed, `Subscribe` follows it live, and `MarkRead`
   * works on it for all of the recipient's devices at once.
   * Who may call. Credentials travel as metadata, `authorization: Bearer &lt;token&gt;`. A service token may do what
   * its scopes say. A recipient's token (a JWT that names one recipient) may call Subscribe, List with
   * `feed_only`, MarkRead and CountUnread on that recipient alone, sees no `response` and no `address`, and may
   * do nothing else. What was sent belongs to the caller that sent it (Notification.owner): Cancel and Retry by
   * another caller need the scope `send_any` or `admin`. A token that has only the scope `route` may call Route, List
   * with `unrouted_only` alone, and what DecisionService says; it sees no address in full. On a server without configured credentials everybody may do everything.
   * Errors. Every error of this service has a canonical gRPC code and carries a google.rpc.ErrorInfo whose
   * `reason` is documented in ErrorReason; the comments here name errors by it. A call that failed has changed
   * nothing, unless its comment says otherwise. The codes CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE leave
   * open whether the call took effect; each RPC says what repeating it does. Any RPC can fail with
   * MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED, PERMISSION_DENIED,
   * RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; the comments below name the
   * others.
   * </pre>
   */
  public static abstract class NotificationServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return NotificationServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service NotificationService.
   * <pre>
   * Sends notifications, tells what became of them, and serves recipients their feed.
   * A caller hands over a notification with `Send`: who it is for, a title, a message, and either the channels
   * to use (e-mail, SMS, Telegram, the live feed) or nothing, in which case routing rules decide.
   * Tocsin stores it before it answers, sends it through each channel, retries what failed for the moment, and
   * records every outcome, which `Get` and `List` show. A registered recipient also has a feed, an inbox with a
   * count of what is unread: it holds the notifications that have a WEBSOCKET channel, from the moment that
   * channel becomes due. `List` with `feed_only` shows the feed, `Subscribe` follows it live, and `MarkRead`
   * works on it for all of the recipient's devices at once.
   * Who may call. Credentials travel as metadata, `authorization: Bearer &lt;token&gt;`. A service token may do what
   * its scopes say. A recipient's token (a JWT that names one recipient) may call Subscribe, List with
   * `feed_only`, MarkRead and CountUnread on that recipient alone, sees no `response` and no `address`, and may
   * do nothing else. What was sent belongs to the caller that sent it (Notification.owner): Cancel and Retry by
   * another caller need the scope `send_any` or `admin`. A token that has only the scope `route` may call Route, List
   * with `unrouted_only` alone, and what DecisionService says; it sees no address in full. On a server without configured credentials everybody may do everything.
   * Errors. Every error of this service has a canonical gRPC code and carries a google.rpc.ErrorInfo whose
   * `reason` is documented in ErrorReason; the comments here name errors by it. A call that failed has changed
   * nothing, unless its comment says otherwise. The codes CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE leave
   * open whether the call took effect; each RPC says what repeating it does. Any RPC can fail with
   * MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED, PERMISSION_DENIED,
   * RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; the comments below name the
   * others.
   * </pre>
   */
  public static final class NotificationServiceStub
      extends io.grpc.stub.AbstractAsyncStub<NotificationServiceStub> {
    private NotificationServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected NotificationServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new NotificationServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Stores one notification with its channels and queues it for sending.
     * Durable: once this returns OK, the notification survives a crash of the server and a loss of power, and
     * each of its channels ends as SENT or FAILED or is still being worked on. It does not wait for any
     * provider, so OK does not mean sent. Sending is at least once: a crash in the wrong moment can make a
     * provider send twice.
     * Idempotent with an `idempotency_key`, and then safe to repeat after any error; without one, repeating an
     * interrupted call can create a second notification.
     * Errors: INVALID_FIELD; IDEMPOTENCY_KEY_REUSED; CHANNEL_NOT_CONFIGURED; ADDRESS_UNKNOWN;
     * RECIPIENT_NOT_REGISTERED; NO_ROUTE (no channel was named and the rules found none); POLICY_DENIED; POLICY_LIMIT;
     * QUEUE_FULL.
     * </pre>
     */
    public void send(dev.tocsin.v1.SendRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.SendResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSendMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Stores up to 1,000 notifications in one call and one commit.
     * Each request stands for itself: one that is refused does not spoil the others, and has its error in the
     * result at its position. What holds for Send holds for each of them; all that were accepted are durable
     * when this returns. An idempotency key that occurs twice in the batch gives the later request the first
     * one's result with `duplicate`, or IDEMPOTENCY_KEY_REUSED if the content differs. If the call itself
     * fails, no request was accepted; after CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE that is open, all or
     * none, and repeating it with idempotency keys is safe.
     * Errors of the call as a whole: BATCH_TOO_LARGE; INVALID_FIELD (no requests); QUEUE_FULL.
     * </pre>
     */
    public void sendBatch(dev.tocsin.v1.SendBatchRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.SendBatchResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getSendBatchMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns one notification with its channels.
     * Changes nothing. It shows what is committed: after Send has returned, Get finds the notification.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND.
     * </pre>
     */
    public void get(dev.tocsin.v1.GetRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.GetResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns notifications that match, page by page.
     * Newest first, by `created_at` and then `id`; with `feed_only`, in the order in which they entered the
     * recipient's feed, latest first. Notifications that arrive while a caller turns pages belong before the
     * first page: they neither shift nor repeat what follows. Changes nothing.
     * To show an inbox and keep it current without a gap: List with `feed_only`, then Subscribe with the
     * `cursor` of the first page. Further pages can be read at leisure.
     * Errors: INVALID_FIELD; MALFORMED_PAGE_TOKEN; PERMISSION_DENIED when a recipient's token asks without
     * `feed_only`, or for another recipient, and when one with the scope `route` asks without `unrouted_only`.
     * </pre>
     */
    public void list(dev.tocsin.v1.ListRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.ListResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Marks notifications as read, for all of the recipient's devices: their streams get a ReadChanged.
     * Either by ids, all or none; or a recipient's feed, up to a cursor or whole. A large feed is done in
     * chunks, so that if the call fails halfway, some are read and the rest is not. Idempotent: what is read
     * already is left as it is, with its old `read_at`, and is not counted. Reading also ends a FALLBACK strategy
     * whose goal it is: no later step starts, and what still waits fails with `SUPERSEDED`. A notification outside the
     * feed can be marked by its id, which does not change `unread_count`.
     * Errors: INVALID_FIELD; MALFORMED_CURSOR; NOTIFICATION_NOT_FOUND (one of the ids is unknown; for a
     * recipient's token also when it is another's).
     * </pre>
     */
    public void markRead(dev.tocsin.v1.MarkReadRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.MarkReadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getMarkReadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns how many notifications in a recipient's feed are unread.
     * Costs the same however many there are. Changes nothing. A recipient without a feed has 0.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public void countUnread(dev.tocsin.v1.CountUnreadRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.CountUnreadResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCountUnreadMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Stops what is still to come of a notification.
     * Pending channels fail with the reason `CANCELLED` in their `response`; no later step and no decision
     * follows. What is being sent at this very moment may still be recorded as SENT. What is in the feed stays
     * there. A notification that is SENT can be cancelled while a later step of a FALLBACK strategy is outstanding. Not
     * undone by anything but Retry. Repeating it fails with ALREADY_SETTLED, since nothing is
     * outstanding then.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED when it is another caller's; ALREADY_SETTLED.
     * </pre>
     */
    public void cancel(dev.tocsin.v1.CancelRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.CancelResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCancelMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Revives failed channels of a notification, cancelled ones included: they are PENDING and due again, at once or
     * at `send_at` if that lies ahead.
     * Each gets a new budget of attempts on top of those it made; `attempts` keeps counting. All that the
     * request names are revived, or none. A notification that failed without ever having a channel cannot be
     * retried; send it anew. Repeating it fails with NOT_RETRYABLE for as long as the channels are not FAILED
     * again, so that an interrupted call can be repeated without harm.
     * Of a FALLBACK strategy, Retry revives steps that have begun, and nothing else: a revived one runs beside the later
     * step that its failure had started, and starts none when it fails again. Steps that Cancel, reading or expiry have
     * ended do not come back. A step whose goal is that the notification is read fails with
     * `SUPERSEDED` again if it is.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED when it is another caller's; NOT_RETRYABLE;
     * EXPIRED; CHANNEL_NOT_CONFIGURED.
     * </pre>
     */
    public void retry(dev.tocsin.v1.RetryRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.RetryResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRetryMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Decides the channels of a notification that was sent with Routing.deferred.
     * The first decision wins, whether it comes from this RPC or, at Routing.route_by, from the rules. Repeating the
     * same decision by the same caller answers as the first time, so an interrupted call can be repeated; any other
     * later one fails with ALREADY_ROUTED. (`reason`, `decider` and `lease_token` make it no other decision.) The
     * policies of the server narrow the channels to what is allowed, which Explain shows; a decision of which nothing is
     * left is refused, and the notification stays undecided. While another caller holds it (LeaseUndecided),
     * `lease_token` is needed. Durable when it returns.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; ALREADY_ROUTED; ALREADY_SETTLED (cancelled before);
     * EXPIRED; LEASE_HELD; LEASE_EXPIRED; CHANNEL_NOT_CONFIGURED; ADDRESS_UNKNOWN; RECIPIENT_NOT_REGISTERED;
     * POLICY_DENIED; POLICY_LIMIT.
     * </pre>
     */
    public void route(dev.tocsin.v1.RouteRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.RouteResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getRouteMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Follows a recipient's feed live, and resumes after an interruption without a gap.
     * The first event is always Subscribed. If the request has a cursor, everything after it follows (the
     * replay), then what happens from now on. Without a cursor the stream begins now, preceded by notifications
     * that have been waiting for a first subscriber. New notifications arrive in feed order, none missing. A
     * change of read state comes as ReadChanged while the stream is live; in a replay a notification that
     * changed comes once, whole and in its latest state, so that a replay is complete as to the outcome but is
     * not a log of every change. A change of `status` or `channels` alone need not cause an event. Delivery is
     * at least once: clients replace what they have of the same `id`.
     * Every event carries the cursor to resume after it. A client keeps the last one, and when the stream ends
     * subscribes again with it, after a delay that grows with jitter. When Subscribed says `recovered = false`,
     * something between the cursor and now cannot be replayed: the client lists the feed from the first page,
     * then subscribes with its cursor.
     * A stream does not end by itself with OK. Planned ends are STREAM_AGED and SHUTTING_DOWN; a client that
     * reads too slowly gets SUBSCRIBER_TOO_SLOW and delays nobody else; the stream ends with TOKEN_EXPIRED when
     * its token does. Resume in all these cases, with a new token in the last. A stream without any event for
     * 60 s, heartbeats included, is dead: end it and resume.
     * Errors before the first event: INVALID_FIELD; MALFORMED_CURSOR; TOO_MANY_STREAMS.
     * </pre>
     */
    public void subscribe(dev.tocsin.v1.SubscribeRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.SubscribeResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getSubscribeMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service NotificationService.
   * <pre>
   * Sends notifications, tells what became of them, and serves recipients their feed.
   * A caller hands over a notification with `Send`: who it is for, a title, a message, and either the channels
   * to use (e-mail, SMS, Telegram, the live feed) or nothing, in which case routing rules decide.
   * Tocsin stores it before it answers, sends it through each channel, retries what failed for the moment, and
   * records every outcome, which `Get` and `List` show. A registered recipient also has a feed, an inbox with a
   * count of what is unread: it holds the notifications that have a WEBSOCKET channel, from the moment that
   * channel becomes due. `List` with `feed_only` shows the feed, `Subscribe` follows it live, and `MarkRead`
   * works on it for all of the recipient's devices at once.
   * Who may call. Credentials travel as metadata, `authorization: Bearer &lt;token&gt;`. A service token may do what
   * its scopes say. A recipient's token (a JWT that names one recipient) may call Subscribe, List with
   * `feed_only`, MarkRead and CountUnread on that recipient alone, sees no `response` and no `address`, and may
   * do nothing else. What was sent belongs to the caller that sent it (Notification.owner): Cancel and Retry by
   * another caller need the scope `send_any` or `admin`. A token that has only the scope `route` may call Route, List
   * with `unrouted_only` alone, and what DecisionService says; it sees no address in full. On a server without configured credentials everybody may do everything.
   * Errors. Every error of this service has a canonical gRPC code and carries a google.rpc.ErrorInfo whose
   * `reason` is documented in ErrorReason; the comments here name errors by it. A call that failed has changed
   * nothing, unless its comment says otherwise. The codes CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE leave
   * open whether the call took effect; each RPC says what repeating it does. Any RPC can fail with
   * MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED, PERMISSION_DENIED,
   * RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; the comments below name the
   * others.
   * </pre>
   */
  public static final class NotificationServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<NotificationServiceBlockingV2Stub> {
    private NotificationServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected NotificationServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new NotificationServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Stores one notification with its channels and queues it for sending.
     * Durable: once this returns OK, the notification survives a crash of the server and a loss of power, and
     * each of its channels ends as SENT or FAILED or is still being worked on. It does not wait for any
     * provider, so OK does not mean sent. Sending is at least once: a crash in the wrong moment can make a
     * provider send twice.
     * Idempotent with an `idempotency_key`, and then safe to repeat after any error; without one, repeating an
     * interrupted call can create a second notification.
     * Errors: INVALID_FIELD; IDEMPOTENCY_KEY_REUSED; CHANNEL_NOT_CONFIGURED; ADDRESS_UNKNOWN;
     * RECIPIENT_NOT_REGISTERED; NO_ROUTE (no channel was named and the rules found none); POLICY_DENIED; POLICY_LIMIT;
     * QUEUE_FULL.
     * </pre>
     */
    public dev.tocsin.v1.SendResponse send(dev.tocsin.v1.SendRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSendMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Stores up to 1,000 notifications in one call and one commit.
     * Each request stands for itself: one that is refused does not spoil the others, and has its error in the
     * result at its position. What holds for Send holds for each of them; all that were accepted are durable
     * when this returns. An idempotency key that occurs twice in the batch gives the later request the first
     * one's result with `duplicate`, or IDEMPOTENCY_KEY_REUSED if the content differs. If the call itself
     * fails, no request was accepted; after CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE that is open, all or
     * none, and repeating it with idempotency keys is safe.
     * Errors of the call as a whole: BATCH_TOO_LARGE; INVALID_FIELD (no requests); QUEUE_FULL.
     * </pre>
     */
    public dev.tocsin.v1.SendBatchResponse sendBatch(dev.tocsin.v1.SendBatchRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getSendBatchMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns one notification with its channels.
     * Changes nothing. It shows what is committed: after Send has returned, Get finds the notification.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND.
     * </pre>
     */
    public dev.tocsin.v1.GetResponse get(dev.tocsin.v1.GetRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns notifications that match, page by page.
     * Newest first, by `created_at` and then `id`; with `feed_only`, in the order in which they entered the
     * recipient's feed, latest first. Notifications that arrive while a caller turns pages belong before the
     * first page: they neither shift nor repeat what follows. Changes nothing.
     * To show an inbox and keep it current without a gap: List with `feed_only`, then Subscribe with the
     * `cursor` of the first page. Further pages can be read at leisure.
     * Errors: INVALID_FIELD; MALFORMED_PAGE_TOKEN; PERMISSION_DENIED when a recipient's token asks without
     * `feed_only`, or for another recipient, and when one with the scope `route` asks without `unrouted_only`.
     * </pre>
     */
    public dev.tocsin.v1.ListResponse list(dev.tocsin.v1.ListRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Marks notifications as read, for all of the recipient's devices: their streams get a ReadChanged.
     * Either by ids, all or none; or a recipient's feed, up to a cursor or whole. A large feed is done in
     * chunks, so that if the call fails halfway, some are read and the rest is not. Idempotent: what is read
     * already is left as it is, with its old `read_at`, and is not counted. Reading also ends a FALLBACK strategy
     * whose goal it is: no later step starts, and what still waits fails with `SUPERSEDED`. A notification outside the
     * feed can be marked by its id, which does not change `unread_count`.
     * Errors: INVALID_FIELD; MALFORMED_CURSOR; NOTIFICATION_NOT_FOUND (one of the ids is unknown; for a
     * recipient's token also when it is another's).
     * </pre>
     */
    public dev.tocsin.v1.MarkReadResponse markRead(dev.tocsin.v1.MarkReadRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getMarkReadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns how many notifications in a recipient's feed are unread.
     * Costs the same however many there are. Changes nothing. A recipient without a feed has 0.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public dev.tocsin.v1.CountUnreadResponse countUnread(dev.tocsin.v1.CountUnreadRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCountUnreadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Stops what is still to come of a notification.
     * Pending channels fail with the reason `CANCELLED` in their `response`; no later step and no decision
     * follows. What is being sent at this very moment may still be recorded as SENT. What is in the feed stays
     * there. A notification that is SENT can be cancelled while a later step of a FALLBACK strategy is outstanding. Not
     * undone by anything but Retry. Repeating it fails with ALREADY_SETTLED, since nothing is
     * outstanding then.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED when it is another caller's; ALREADY_SETTLED.
     * </pre>
     */
    public dev.tocsin.v1.CancelResponse cancel(dev.tocsin.v1.CancelRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCancelMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Revives failed channels of a notification, cancelled ones included: they are PENDING and due again, at once or
     * at `send_at` if that lies ahead.
     * Each gets a new budget of attempts on top of those it made; `attempts` keeps counting. All that the
     * request names are revived, or none. A notification that failed without ever having a channel cannot be
     * retried; send it anew. Repeating it fails with NOT_RETRYABLE for as long as the channels are not FAILED
     * again, so that an interrupted call can be repeated without harm.
     * Of a FALLBACK strategy, Retry revives steps that have begun, and nothing else: a revived one runs beside the later
     * step that its failure had started, and starts none when it fails again. Steps that Cancel, reading or expiry have
     * ended do not come back. A step whose goal is that the notification is read fails with
     * `SUPERSEDED` again if it is.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED when it is another caller's; NOT_RETRYABLE;
     * EXPIRED; CHANNEL_NOT_CONFIGURED.
     * </pre>
     */
    public dev.tocsin.v1.RetryResponse retry(dev.tocsin.v1.RetryRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRetryMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Decides the channels of a notification that was sent with Routing.deferred.
     * The first decision wins, whether it comes from this RPC or, at Routing.route_by, from the rules. Repeating the
     * same decision by the same caller answers as the first time, so an interrupted call can be repeated; any other
     * later one fails with ALREADY_ROUTED. (`reason`, `decider` and `lease_token` make it no other decision.) The
     * policies of the server narrow the channels to what is allowed, which Explain shows; a decision of which nothing is
     * left is refused, and the notification stays undecided. While another caller holds it (LeaseUndecided),
     * `lease_token` is needed. Durable when it returns.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; ALREADY_ROUTED; ALREADY_SETTLED (cancelled before);
     * EXPIRED; LEASE_HELD; LEASE_EXPIRED; CHANNEL_NOT_CONFIGURED; ADDRESS_UNKNOWN; RECIPIENT_NOT_REGISTERED;
     * POLICY_DENIED; POLICY_LIMIT.
     * </pre>
     */
    public dev.tocsin.v1.RouteResponse route(dev.tocsin.v1.RouteRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getRouteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Follows a recipient's feed live, and resumes after an interruption without a gap.
     * The first event is always Subscribed. If the request has a cursor, everything after it follows (the
     * replay), then what happens from now on. Without a cursor the stream begins now, preceded by notifications
     * that have been waiting for a first subscriber. New notifications arrive in feed order, none missing. A
     * change of read state comes as ReadChanged while the stream is live; in a replay a notification that
     * changed comes once, whole and in its latest state, so that a replay is complete as to the outcome but is
     * not a log of every change. A change of `status` or `channels` alone need not cause an event. Delivery is
     * at least once: clients replace what they have of the same `id`.
     * Every event carries the cursor to resume after it. A client keeps the last one, and when the stream ends
     * subscribes again with it, after a delay that grows with jitter. When Subscribed says `recovered = false`,
     * something between the cursor and now cannot be replayed: the client lists the feed from the first page,
     * then subscribes with its cursor.
     * A stream does not end by itself with OK. Planned ends are STREAM_AGED and SHUTTING_DOWN; a client that
     * reads too slowly gets SUBSCRIBER_TOO_SLOW and delays nobody else; the stream ends with TOKEN_EXPIRED when
     * its token does. Resume in all these cases, with a new token in the last. A stream without any event for
     * 60 s, heartbeats included, is dead: end it and resume.
     * Errors before the first event: INVALID_FIELD; MALFORMED_CURSOR; TOO_MANY_STREAMS.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.tocsin.v1.SubscribeResponse>
        subscribe(dev.tocsin.v1.SubscribeRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getSubscribeMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service NotificationService.
   * <pre>
   * Sends notifications, tells what became of them, and serves recipients their feed.
   * A caller hands over a notification with `Send`: who it is for, a title, a message, and either the channels
   * to use (e-mail, SMS, Telegram, the live feed) or nothing, in which case routing rules decide.
   * Tocsin stores it before it answers, sends it through each channel, retries what failed for the moment, and
   * records every outcome, which `Get` and `List` show. A registered recipient also has a feed, an inbox with a
   * count of what is unread: it holds the notifications that have a WEBSOCKET channel, from the moment that
   * channel becomes due. `List` with `feed_only` shows the feed, `Subscribe` follows it live, and `MarkRead`
   * works on it for all of the recipient's devices at once.
   * Who may call. Credentials travel as metadata, `authorization: Bearer &lt;token&gt;`. A service token may do what
   * its scopes say. A recipient's token (a JWT that names one recipient) may call Subscribe, List with
   * `feed_only`, MarkRead and CountUnread on that recipient alone, sees no `response` and no `address`, and may
   * do nothing else. What was sent belongs to the caller that sent it (Notification.owner): Cancel and Retry by
   * another caller need the scope `send_any` or `admin`. A token that has only the scope `route` may call Route, List
   * with `unrouted_only` alone, and what DecisionService says; it sees no address in full. On a server without configured credentials everybody may do everything.
   * Errors. Every error of this service has a canonical gRPC code and carries a google.rpc.ErrorInfo whose
   * `reason` is documented in ErrorReason; the comments here name errors by it. A call that failed has changed
   * nothing, unless its comment says otherwise. The codes CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE leave
   * open whether the call took effect; each RPC says what repeating it does. Any RPC can fail with
   * MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED, PERMISSION_DENIED,
   * RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; the comments below name the
   * others.
   * </pre>
   */
  public static final class NotificationServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<NotificationServiceBlockingStub> {
    private NotificationServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected NotificationServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new NotificationServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Stores one notification with its channels and queues it for sending.
     * Durable: once this returns OK, the notification survives a crash of the server and a loss of power, and
     * each of its channels ends as SENT or FAILED or is still being worked on. It does not wait for any
     * provider, so OK does not mean sent. Sending is at least once: a crash in the wrong moment can make a
     * provider send twice.
     * Idempotent with an `idempotency_key`, and then safe to repeat after any error; without one, repeating an
     * interrupted call can create a second notification.
     * Errors: INVALID_FIELD; IDEMPOTENCY_KEY_REUSED; CHANNEL_NOT_CONFIGURED; ADDRESS_UNKNOWN;
     * RECIPIENT_NOT_REGISTERED; NO_ROUTE (no channel was named and the rules found none); POLICY_DENIED; POLICY_LIMIT;
     * QUEUE_FULL.
     * </pre>
     */
    public dev.tocsin.v1.SendResponse send(dev.tocsin.v1.SendRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSendMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Stores up to 1,000 notifications in one call and one commit.
     * Each request stands for itself: one that is refused does not spoil the others, and has its error in the
     * result at its position. What holds for Send holds for each of them; all that were accepted are durable
     * when this returns. An idempotency key that occurs twice in the batch gives the later request the first
     * one's result with `duplicate`, or IDEMPOTENCY_KEY_REUSED if the content differs. If the call itself
     * fails, no request was accepted; after CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE that is open, all or
     * none, and repeating it with idempotency keys is safe.
     * Errors of the call as a whole: BATCH_TOO_LARGE; INVALID_FIELD (no requests); QUEUE_FULL.
     * </pre>
     */
    public dev.tocsin.v1.SendBatchResponse sendBatch(dev.tocsin.v1.SendBatchRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getSendBatchMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns one notification with its channels.
     * Changes nothing. It shows what is committed: after Send has returned, Get finds the notification.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND.
     * </pre>
     */
    public dev.tocsin.v1.GetResponse get(dev.tocsin.v1.GetRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns notifications that match, page by page.
     * Newest first, by `created_at` and then `id`; with `feed_only`, in the order in which they entered the
     * recipient's feed, latest first. Notifications that arrive while a caller turns pages belong before the
     * first page: they neither shift nor repeat what follows. Changes nothing.
     * To show an inbox and keep it current without a gap: List with `feed_only`, then Subscribe with the
     * `cursor` of the first page. Further pages can be read at leisure.
     * Errors: INVALID_FIELD; MALFORMED_PAGE_TOKEN; PERMISSION_DENIED when a recipient's token asks without
     * `feed_only`, or for another recipient, and when one with the scope `route` asks without `unrouted_only`.
     * </pre>
     */
    public dev.tocsin.v1.ListResponse list(dev.tocsin.v1.ListRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Marks notifications as read, for all of the recipient's devices: their streams get a ReadChanged.
     * Either by ids, all or none; or a recipient's feed, up to a cursor or whole. A large feed is done in
     * chunks, so that if the call fails halfway, some are read and the rest is not. Idempotent: what is read
     * already is left as it is, with its old `read_at`, and is not counted. Reading also ends a FALLBACK strategy
     * whose goal it is: no later step starts, and what still waits fails with `SUPERSEDED`. A notification outside the
     * feed can be marked by its id, which does not change `unread_count`.
     * Errors: INVALID_FIELD; MALFORMED_CURSOR; NOTIFICATION_NOT_FOUND (one of the ids is unknown; for a
     * recipient's token also when it is another's).
     * </pre>
     */
    public dev.tocsin.v1.MarkReadResponse markRead(dev.tocsin.v1.MarkReadRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getMarkReadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns how many notifications in a recipient's feed are unread.
     * Costs the same however many there are. Changes nothing. A recipient without a feed has 0.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public dev.tocsin.v1.CountUnreadResponse countUnread(dev.tocsin.v1.CountUnreadRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCountUnreadMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Stops what is still to come of a notification.
     * Pending channels fail with the reason `CANCELLED` in their `response`; no later step and no decision
     * follows. What is being sent at this very moment may still be recorded as SENT. What is in the feed stays
     * there. A notification that is SENT can be cancelled while a later step of a FALLBACK strategy is outstanding. Not
     * undone by anything but Retry. Repeating it fails with ALREADY_SETTLED, since nothing is
     * outstanding then.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED when it is another caller's; ALREADY_SETTLED.
     * </pre>
     */
    public dev.tocsin.v1.CancelResponse cancel(dev.tocsin.v1.CancelRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCancelMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Revives failed channels of a notification, cancelled ones included: they are PENDING and due again, at once or
     * at `send_at` if that lies ahead.
     * Each gets a new budget of attempts on top of those it made; `attempts` keeps counting. All that the
     * request names are revived, or none. A notification that failed without ever having a channel cannot be
     * retried; send it anew. Repeating it fails with NOT_RETRYABLE for as long as the channels are not FAILED
     * again, so that an interrupted call can be repeated without harm.
     * Of a FALLBACK strategy, Retry revives steps that have begun, and nothing else: a revived one runs beside the later
     * step that its failure had started, and starts none when it fails again. Steps that Cancel, reading or expiry have
     * ended do not come back. A step whose goal is that the notification is read fails with
     * `SUPERSEDED` again if it is.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED when it is another caller's; NOT_RETRYABLE;
     * EXPIRED; CHANNEL_NOT_CONFIGURED.
     * </pre>
     */
    public dev.tocsin.v1.RetryResponse retry(dev.tocsin.v1.RetryRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRetryMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Decides the channels of a notification that was sent with Routing.deferred.
     * The first decision wins, whether it comes from this RPC or, at Routing.route_by, from the rules. Repeating the
     * same decision by the same caller answers as the first time, so an interrupted call can be repeated; any other
     * later one fails with ALREADY_ROUTED. (`reason`, `decider` and `lease_token` make it no other decision.) The
     * policies of the server narrow the channels to what is allowed, which Explain shows; a decision of which nothing is
     * left is refused, and the notification stays undecided. While another caller holds it (LeaseUndecided),
     * `lease_token` is needed. Durable when it returns.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; ALREADY_ROUTED; ALREADY_SETTLED (cancelled before);
     * EXPIRED; LEASE_HELD; LEASE_EXPIRED; CHANNEL_NOT_CONFIGURED; ADDRESS_UNKNOWN; RECIPIENT_NOT_REGISTERED;
     * POLICY_DENIED; POLICY_LIMIT.
     * </pre>
     */
    public dev.tocsin.v1.RouteResponse route(dev.tocsin.v1.RouteRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getRouteMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Follows a recipient's feed live, and resumes after an interruption without a gap.
     * The first event is always Subscribed. If the request has a cursor, everything after it follows (the
     * replay), then what happens from now on. Without a cursor the stream begins now, preceded by notifications
     * that have been waiting for a first subscriber. New notifications arrive in feed order, none missing. A
     * change of read state comes as ReadChanged while the stream is live; in a replay a notification that
     * changed comes once, whole and in its latest state, so that a replay is complete as to the outcome but is
     * not a log of every change. A change of `status` or `channels` alone need not cause an event. Delivery is
     * at least once: clients replace what they have of the same `id`.
     * Every event carries the cursor to resume after it. A client keeps the last one, and when the stream ends
     * subscribes again with it, after a delay that grows with jitter. When Subscribed says `recovered = false`,
     * something between the cursor and now cannot be replayed: the client lists the feed from the first page,
     * then subscribes with its cursor.
     * A stream does not end by itself with OK. Planned ends are STREAM_AGED and SHUTTING_DOWN; a client that
     * reads too slowly gets SUBSCRIBER_TOO_SLOW and delays nobody else; the stream ends with TOKEN_EXPIRED when
     * its token does. Resume in all these cases, with a new token in the last. A stream without any event for
     * 60 s, heartbeats included, is dead: end it and resume.
     * Errors before the first event: INVALID_FIELD; MALFORMED_CURSOR; TOO_MANY_STREAMS.
     * </pre>
     */
    public java.util.Iterator<dev.tocsin.v1.SubscribeResponse> subscribe(
        dev.tocsin.v1.SubscribeRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getSubscribeMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service NotificationService.
   * <pre>
   * Sends notifications, tells what became of them, and serves recipients their feed.
   * A caller hands over a notification with `Send`: who it is for, a title, a message, and either the channels
   * to use (e-mail, SMS, Telegram, the live feed) or nothing, in which case routing rules decide.
   * Tocsin stores it before it answers, sends it through each channel, retries what failed for the moment, and
   * records every outcome, which `Get` and `List` show. A registered recipient also has a feed, an inbox with a
   * count of what is unread: it holds the notifications that have a WEBSOCKET channel, from the moment that
   * channel becomes due. `List` with `feed_only` shows the feed, `Subscribe` follows it live, and `MarkRead`
   * works on it for all of the recipient's devices at once.
   * Who may call. Credentials travel as metadata, `authorization: Bearer &lt;token&gt;`. A service token may do what
   * its scopes say. A recipient's token (a JWT that names one recipient) may call Subscribe, List with
   * `feed_only`, MarkRead and CountUnread on that recipient alone, sees no `response` and no `address`, and may
   * do nothing else. What was sent belongs to the caller that sent it (Notification.owner): Cancel and Retry by
   * another caller need the scope `send_any` or `admin`. A token that has only the scope `route` may call Route, List
   * with `unrouted_only` alone, and what DecisionService says; it sees no address in full. On a server without configured credentials everybody may do everything.
   * Errors. Every error of this service has a canonical gRPC code and carries a google.rpc.ErrorInfo whose
   * `reason` is documented in ErrorReason; the comments here name errors by it. A call that failed has changed
   * nothing, unless its comment says otherwise. The codes CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE leave
   * open whether the call took effect; each RPC says what repeating it does. Any RPC can fail with
   * MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED, PERMISSION_DENIED,
   * RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN, NOT_IMPLEMENTED or INTERNAL; the comments below name the
   * others.
   * </pre>
   */
  public static final class NotificationServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<NotificationServiceFutureStub> {
    private NotificationServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected NotificationServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new NotificationServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Stores one notification with its channels and queues it for sending.
     * Durable: once this returns OK, the notification survives a crash of the server and a loss of power, and
     * each of its channels ends as SENT or FAILED or is still being worked on. It does not wait for any
     * provider, so OK does not mean sent. Sending is at least once: a crash in the wrong moment can make a
     * provider send twice.
     * Idempotent with an `idempotency_key`, and then safe to repeat after any error; without one, repeating an
     * interrupted call can create a second notification.
     * Errors: INVALID_FIELD; IDEMPOTENCY_KEY_REUSED; CHANNEL_NOT_CONFIGURED; ADDRESS_UNKNOWN;
     * RECIPIENT_NOT_REGISTERED; NO_ROUTE (no channel was named and the rules found none); POLICY_DENIED; POLICY_LIMIT;
     * QUEUE_FULL.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.SendResponse> send(
        dev.tocsin.v1.SendRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSendMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Stores up to 1,000 notifications in one call and one commit.
     * Each request stands for itself: one that is refused does not spoil the others, and has its error in the
     * result at its position. What holds for Send holds for each of them; all that were accepted are durable
     * when this returns. An idempotency key that occurs twice in the batch gives the later request the first
     * one's result with `duplicate`, or IDEMPOTENCY_KEY_REUSED if the content differs. If the call itself
     * fails, no request was accepted; after CANCELLED, DEADLINE_EXCEEDED and UNAVAILABLE that is open, all or
     * none, and repeating it with idempotency keys is safe.
     * Errors of the call as a whole: BATCH_TOO_LARGE; INVALID_FIELD (no requests); QUEUE_FULL.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.SendBatchResponse> sendBatch(
        dev.tocsin.v1.SendBatchRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getSendBatchMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns one notification with its channels.
     * Changes nothing. It shows what is committed: after Send has returned, Get finds the notification.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.GetResponse> get(
        dev.tocsin.v1.GetRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns notifications that match, page by page.
     * Newest first, by `created_at` and then `id`; with `feed_only`, in the order in which they entered the
     * recipient's feed, latest first. Notifications that arrive while a caller turns pages belong before the
     * first page: they neither shift nor repeat what follows. Changes nothing.
     * To show an inbox and keep it current without a gap: List with `feed_only`, then Subscribe with the
     * `cursor` of the first page. Further pages can be read at leisure.
     * Errors: INVALID_FIELD; MALFORMED_PAGE_TOKEN; PERMISSION_DENIED when a recipient's token asks without
     * `feed_only`, or for another recipient, and when one with the scope `route` asks without `unrouted_only`.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.ListResponse> list(
        dev.tocsin.v1.ListRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Marks notifications as read, for all of the recipient's devices: their streams get a ReadChanged.
     * Either by ids, all or none; or a recipient's feed, up to a cursor or whole. A large feed is done in
     * chunks, so that if the call fails halfway, some are read and the rest is not. Idempotent: what is read
     * already is left as it is, with its old `read_at`, and is not counted. Reading also ends a FALLBACK strategy
     * whose goal it is: no later step starts, and what still waits fails with `SUPERSEDED`. A notification outside the
     * feed can be marked by its id, which does not change `unread_count`.
     * Errors: INVALID_FIELD; MALFORMED_CURSOR; NOTIFICATION_NOT_FOUND (one of the ids is unknown; for a
     * recipient's token also when it is another's).
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.MarkReadResponse> markRead(
        dev.tocsin.v1.MarkReadRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getMarkReadMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns how many notifications in a recipient's feed are unread.
     * Costs the same however many there are. Changes nothing. A recipient without a feed has 0.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.CountUnreadResponse> countUnread(
        dev.tocsin.v1.CountUnreadRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCountUnreadMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Stops what is still to come of a notification.
     * Pending channels fail with the reason `CANCELLED` in their `response`; no later step and no decision
     * follows. What is being sent at this very moment may still be recorded as SENT. What is in the feed stays
     * there. A notification that is SENT can be cancelled while a later step of a FALLBACK strategy is outstanding. Not
     * undone by anything but Retry. Repeating it fails with ALREADY_SETTLED, since nothing is
     * outstanding then.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED when it is another caller's; ALREADY_SETTLED.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.CancelResponse> cancel(
        dev.tocsin.v1.CancelRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCancelMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Revives failed channels of a notification, cancelled ones included: they are PENDING and due again, at once or
     * at `send_at` if that lies ahead.
     * Each gets a new budget of attempts on top of those it made; `attempts` keeps counting. All that the
     * request names are revived, or none. A notification that failed without ever having a channel cannot be
     * retried; send it anew. Repeating it fails with NOT_RETRYABLE for as long as the channels are not FAILED
     * again, so that an interrupted call can be repeated without harm.
     * Of a FALLBACK strategy, Retry revives steps that have begun, and nothing else: a revived one runs beside the later
     * step that its failure had started, and starts none when it fails again. Steps that Cancel, reading or expiry have
     * ended do not come back. A step whose goal is that the notification is read fails with
     * `SUPERSEDED` again if it is.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; PERMISSION_DENIED when it is another caller's; NOT_RETRYABLE;
     * EXPIRED; CHANNEL_NOT_CONFIGURED.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.RetryResponse> retry(
        dev.tocsin.v1.RetryRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRetryMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Decides the channels of a notification that was sent with Routing.deferred.
     * The first decision wins, whether it comes from this RPC or, at Routing.route_by, from the rules. Repeating the
     * same decision by the same caller answers as the first time, so an interrupted call can be repeated; any other
     * later one fails with ALREADY_ROUTED. (`reason`, `decider` and `lease_token` make it no other decision.) The
     * policies of the server narrow the channels to what is allowed, which Explain shows; a decision of which nothing is
     * left is refused, and the notification stays undecided. While another caller holds it (LeaseUndecided),
     * `lease_token` is needed. Durable when it returns.
     * Errors: INVALID_FIELD; NOTIFICATION_NOT_FOUND; ALREADY_ROUTED; ALREADY_SETTLED (cancelled before);
     * EXPIRED; LEASE_HELD; LEASE_EXPIRED; CHANNEL_NOT_CONFIGURED; ADDRESS_UNKNOWN; RECIPIENT_NOT_REGISTERED;
     * POLICY_DENIED; POLICY_LIMIT.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.RouteResponse> route(
        dev.tocsin.v1.RouteRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getRouteMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_SEND = 0;
  private static final int METHODID_SEND_BATCH = 1;
  private static final int METHODID_GET = 2;
  private static final int METHODID_LIST = 3;
  private static final int METHODID_MARK_READ = 4;
  private static final int METHODID_COUNT_UNREAD = 5;
  private static final int METHODID_CANCEL = 6;
  private static final int METHODID_RETRY = 7;
  private static final int METHODID_ROUTE = 8;
  private static final int METHODID_SUBSCRIBE = 9;

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
        case METHODID_SEND:
          serviceImpl.send((dev.tocsin.v1.SendRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.SendResponse>) responseObserver);
          break;
        case METHODID_SEND_BATCH:
          serviceImpl.sendBatch((dev.tocsin.v1.SendBatchRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.SendBatchResponse>) responseObserver);
          break;
        case METHODID_GET:
          serviceImpl.get((dev.tocsin.v1.GetRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.GetResponse>) responseObserver);
          break;
        case METHODID_LIST:
          serviceImpl.list((dev.tocsin.v1.ListRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.ListResponse>) responseObserver);
          break;
        case METHODID_MARK_READ:
          serviceImpl.markRead((dev.tocsin.v1.MarkReadRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.MarkReadResponse>) responseObserver);
          break;
        case METHODID_COUNT_UNREAD:
          serviceImpl.countUnread((dev.tocsin.v1.CountUnreadRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.CountUnreadResponse>) responseObserver);
          break;
        case METHODID_CANCEL:
          serviceImpl.cancel((dev.tocsin.v1.CancelRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.CancelResponse>) responseObserver);
          break;
        case METHODID_RETRY:
          serviceImpl.retry((dev.tocsin.v1.RetryRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.RetryResponse>) responseObserver);
          break;
        case METHODID_ROUTE:
          serviceImpl.route((dev.tocsin.v1.RouteRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.RouteResponse>) responseObserver);
          break;
        case METHODID_SUBSCRIBE:
          serviceImpl.subscribe((dev.tocsin.v1.SubscribeRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.SubscribeResponse>) responseObserver);
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
          getSendMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.SendRequest,
              dev.tocsin.v1.SendResponse>(
                service, METHODID_SEND)))
        .addMethod(
          getSendBatchMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.SendBatchRequest,
              dev.tocsin.v1.SendBatchResponse>(
                service, METHODID_SEND_BATCH)))
        .addMethod(
          getGetMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.GetRequest,
              dev.tocsin.v1.GetResponse>(
                service, METHODID_GET)))
        .addMethod(
          getListMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.ListRequest,
              dev.tocsin.v1.ListResponse>(
                service, METHODID_LIST)))
        .addMethod(
          getMarkReadMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.MarkReadRequest,
              dev.tocsin.v1.MarkReadResponse>(
                service, METHODID_MARK_READ)))
        .addMethod(
          getCountUnreadMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.CountUnreadRequest,
              dev.tocsin.v1.CountUnreadResponse>(
                service, METHODID_COUNT_UNREAD)))
        .addMethod(
          getCancelMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.CancelRequest,
              dev.tocsin.v1.CancelResponse>(
                service, METHODID_CANCEL)))
        .addMethod(
          getRetryMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.RetryRequest,
              dev.tocsin.v1.RetryResponse>(
                service, METHODID_RETRY)))
        .addMethod(
          getRouteMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.RouteRequest,
              dev.tocsin.v1.RouteResponse>(
                service, METHODID_ROUTE)))
        .addMethod(
          getSubscribeMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.tocsin.v1.SubscribeRequest,
              dev.tocsin.v1.SubscribeResponse>(
                service, METHODID_SUBSCRIBE)))
        .build();
  }

  private static abstract class NotificationServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    NotificationServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.tocsin.v1.NotificationServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("NotificationService");
    }
  }

  private static final class NotificationServiceFileDescriptorSupplier
      extends NotificationServiceBaseDescriptorSupplier {
    NotificationServiceFileDescriptorSupplier() {}
  }

  private static final class NotificationServiceMethodDescriptorSupplier
      extends NotificationServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    NotificationServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (NotificationServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new NotificationServiceFileDescriptorSupplier())
              .addMethod(getSendMethod())
              .addMethod(getSendBatchMethod())
              .addMethod(getGetMethod())
              .addMethod(getListMethod())
              .addMethod(getMarkReadMethod())
              .addMethod(getCountUnreadMethod())
              .addMethod(getCancelMethod())
              .addMethod(getRetryMethod())
              .addMethod(getRouteMethod())
              .addMethod(getSubscribeMethod())
              .build();
        }
      }
    }
    return result;
  }
}
