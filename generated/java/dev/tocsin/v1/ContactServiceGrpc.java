package dev.tocsin.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Keeps what is known of how to reach registered recipients.
 * A contact is optional. With one, senders need not repeat addresses: `Send` takes from it the address of
 * every channel for which the request gives none, and the routing rules choose among the channels for which
 * it has one. Without one, senders put addresses into each request. A contact changes what is sent from then
 * on; channels that exist keep the address they were given. Every RPC here needs a service token with the
 * right scope; recipients' tokens are refused.
 * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
 * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
 * below name the others.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class ContactServiceGrpc {

  private ContactServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "tocsin.v1.ContactService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.PutContactRequest,
      dev.tocsin.v1.PutContactResponse> getPutContactMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "PutContact",
      requestType = dev.tocsin.v1.PutContactRequest.class,
      responseType = dev.tocsin.v1.PutContactResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.PutContactRequest,
      dev.tocsin.v1.PutContactResponse> getPutContactMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.PutContactRequest, dev.tocsin.v1.PutContactResponse> getPutContactMethod;
    if ((getPutContactMethod = ContactServiceGrpc.getPutContactMethod) == null) {
      synchronized (ContactServiceGrpc.class) {
        if ((getPutContactMethod = ContactServiceGrpc.getPutContactMethod) == null) {
          ContactServiceGrpc.getPutContactMethod = getPutContactMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.PutContactRequest, dev.tocsin.v1.PutContactResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "PutContact"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.PutContactRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.PutContactResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ContactServiceMethodDescriptorSupplier("PutContact"))
              .build();
        }
      }
    }
    return getPutContactMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.GetContactRequest,
      dev.tocsin.v1.GetContactResponse> getGetContactMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetContact",
      requestType = dev.tocsin.v1.GetContactRequest.class,
      responseType = dev.tocsin.v1.GetContactResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.GetContactRequest,
      dev.tocsin.v1.GetContactResponse> getGetContactMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.GetContactRequest, dev.tocsin.v1.GetContactResponse> getGetContactMethod;
    if ((getGetContactMethod = ContactServiceGrpc.getGetContactMethod) == null) {
      synchronized (ContactServiceGrpc.class) {
        if ((getGetContactMethod = ContactServiceGrpc.getGetContactMethod) == null) {
          ContactServiceGrpc.getGetContactMethod = getGetContactMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.GetContactRequest, dev.tocsin.v1.GetContactResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetContact"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.GetContactRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.GetContactResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ContactServiceMethodDescriptorSupplier("GetContact"))
              .build();
        }
      }
    }
    return getGetContactMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.DeleteContactRequest,
      dev.tocsin.v1.DeleteContactResponse> getDeleteContactMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DeleteContact",
      requestType = dev.tocsin.v1.DeleteContactRequest.class,
      responseType = dev.tocsin.v1.DeleteContactResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.DeleteContactRequest,
      dev.tocsin.v1.DeleteContactResponse> getDeleteContactMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.DeleteContactRequest, dev.tocsin.v1.DeleteContactResponse> getDeleteContactMethod;
    if ((getDeleteContactMethod = ContactServiceGrpc.getDeleteContactMethod) == null) {
      synchronized (ContactServiceGrpc.class) {
        if ((getDeleteContactMethod = ContactServiceGrpc.getDeleteContactMethod) == null) {
          ContactServiceGrpc.getDeleteContactMethod = getDeleteContactMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.DeleteContactRequest, dev.tocsin.v1.DeleteContactResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DeleteContact"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.DeleteContactRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.DeleteContactResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ContactServiceMethodDescriptorSupplier("DeleteContact"))
              .build();
        }
      }
    }
    return getDeleteContactMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.tocsin.v1.ListContactsRequest,
      dev.tocsin.v1.ListContactsResponse> getListContactsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListContacts",
      requestType = dev.tocsin.v1.ListContactsRequest.class,
      responseType = dev.tocsin.v1.ListContactsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.tocsin.v1.ListContactsRequest,
      dev.tocsin.v1.ListContactsResponse> getListContactsMethod() {
    io.grpc.MethodDescriptor<dev.tocsin.v1.ListContactsRequest, dev.tocsin.v1.ListContactsResponse> getListContactsMethod;
    if ((getListContactsMethod = ContactServiceGrpc.getListContactsMethod) == null) {
      synchronized (ContactServiceGrpc.class) {
        if ((getListContactsMethod = ContactServiceGrpc.getListContactsMethod) == null) {
          ContactServiceGrpc.getListContactsMethod = getListContactsMethod =
              io.grpc.MethodDescriptor.<dev.tocsin.v1.ListContactsRequest, dev.tocsin.v1.ListContactsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListContacts"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.ListContactsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.tocsin.v1.ListContactsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new ContactServiceMethodDescriptorSupplier("ListContacts"))
              .build();
        }
      }
    }
    return getListContactsMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static ContactServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ContactServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ContactServiceStub>() {
        @java.lang.Override
        public ContactServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ContactServiceStub(channel, callOptions);
        }
      };
    return ContactServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static ContactServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ContactServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ContactServiceBlockingV2Stub>() {
        @java.lang.Override
        public ContactServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ContactServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return ContactServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static ContactServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ContactServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ContactServiceBlockingStub>() {
        @java.lang.Override
        public ContactServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ContactServiceBlockingStub(channel, callOptions);
        }
      };
    return ContactServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static ContactServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<ContactServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<ContactServiceFutureStub>() {
        @java.lang.Override
        public ContactServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new ContactServiceFutureStub(channel, callOptions);
        }
      };
    return ContactServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Keeps what is known of how to reach registered recipients.
   * A contact is optional. With one, senders need not repeat addresses: `Send` takes from it the address of
   * every channel for which the request gives none, and the routing rules choose among the channels for which
   * it has one. Without one, senders put addresses into each request. A contact changes what is sent from then
   * on; channels that exist keep the address they were given. Every RPC here needs a service token with the
   * right scope; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Creates a recipient's contact or replaces it as a whole: what the request leaves out is gone afterwards.
     * Durable when it returns. Idempotent, so it may be repeated; of concurrent calls the last one stored wins.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    default void putContact(dev.tocsin.v1.PutContactRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.PutContactResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getPutContactMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns a recipient's contact.
     * Changes nothing.
     * Errors: INVALID_FIELD; CONTACT_NOT_FOUND.
     * </pre>
     */
    default void getContact(dev.tocsin.v1.GetContactRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.GetContactResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetContactMethod(), responseObserver);
    }

    /**
     * <pre>
     * Deletes a recipient's contact. Their notifications stay, and so do the addresses that channels already
     * have.
     * Durable when it returns. Deleting a contact that is not there fails with CONTACT_NOT_FOUND, which a
     * caller that repeats an interrupted call can take for success.
     * Errors: INVALID_FIELD; CONTACT_NOT_FOUND.
     * </pre>
     */
    default void deleteContact(dev.tocsin.v1.DeleteContactRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.DeleteContactResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDeleteContactMethod(), responseObserver);
    }

    /**
     * <pre>
     * Returns contacts, page by page, in the order of their recipients' types and ids.
     * A contact that is put while a caller turns pages may or may not be among those that follow; none is shown
     * twice. Changes nothing.
     * Errors: INVALID_FIELD; MALFORMED_PAGE_TOKEN.
     * </pre>
     */
    default void listContacts(dev.tocsin.v1.ListContactsRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.ListContactsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListContactsMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service ContactService.
   * <pre>
   * Keeps what is known of how to reach registered recipients.
   * A contact is optional. With one, senders need not repeat addresses: `Send` takes from it the address of
   * every channel for which the request gives none, and the routing rules choose among the channels for which
   * it has one. Without one, senders put addresses into each request. A contact changes what is sent from then
   * on; channels that exist keep the address they were given. Every RPC here needs a service token with the
   * right scope; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public static abstract class ContactServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return ContactServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service ContactService.
   * <pre>
   * Keeps what is known of how to reach registered recipients.
   * A contact is optional. With one, senders need not repeat addresses: `Send` takes from it the address of
   * every channel for which the request gives none, and the routing rules choose among the channels for which
   * it has one. Without one, senders put addresses into each request. A contact changes what is sent from then
   * on; channels that exist keep the address they were given. Every RPC here needs a service token with the
   * right scope; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public static final class ContactServiceStub
      extends io.grpc.stub.AbstractAsyncStub<ContactServiceStub> {
    private ContactServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ContactServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ContactServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates a recipient's contact or replaces it as a whole: what the request leaves out is gone afterwards.
     * Durable when it returns. Idempotent, so it may be repeated; of concurrent calls the last one stored wins.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public void putContact(dev.tocsin.v1.PutContactRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.PutContactResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getPutContactMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns a recipient's contact.
     * Changes nothing.
     * Errors: INVALID_FIELD; CONTACT_NOT_FOUND.
     * </pre>
     */
    public void getContact(dev.tocsin.v1.GetContactRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.GetContactResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetContactMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Deletes a recipient's contact. Their notifications stay, and so do the addresses that channels already
     * have.
     * Durable when it returns. Deleting a contact that is not there fails with CONTACT_NOT_FOUND, which a
     * caller that repeats an interrupted call can take for success.
     * Errors: INVALID_FIELD; CONTACT_NOT_FOUND.
     * </pre>
     */
    public void deleteContact(dev.tocsin.v1.DeleteContactRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.DeleteContactResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDeleteContactMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Returns contacts, page by page, in the order of their recipients' types and ids.
     * A contact that is put while a caller turns pages may or may not be among those that follow; none is shown
     * twice. Changes nothing.
     * Errors: INVALID_FIELD; MALFORMED_PAGE_TOKEN.
     * </pre>
     */
    public void listContacts(dev.tocsin.v1.ListContactsRequest request,
        io.grpc.stub.StreamObserver<dev.tocsin.v1.ListContactsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListContactsMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service ContactService.
   * <pre>
   * Keeps what is known of how to reach registered recipients.
   * A contact is optional. With one, senders need not repeat addresses: `Send` takes from it the address of
   * every channel for which the request gives none, and the routing rules choose among the channels for which
   * it has one. Without one, senders put addresses into each request. A contact changes what is sent from then
   * on; channels that exist keep the address they were given. Every RPC here needs a service token with the
   * right scope; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public static final class ContactServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<ContactServiceBlockingV2Stub> {
    private ContactServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ContactServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ContactServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates a recipient's contact or replaces it as a whole: what the request leaves out is gone afterwards.
     * Durable when it returns. Idempotent, so it may be repeated; of concurrent calls the last one stored wins.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public dev.tocsin.v1.PutContactResponse putContact(dev.tocsin.v1.PutContactRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getPutContactMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns a recipient's contact.
     * Changes nothing.
     * Errors: INVALID_FIELD; CONTACT_NOT_FOUND.
     * </pre>
     */
    public dev.tocsin.v1.GetContactResponse getContact(dev.tocsin.v1.GetContactRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetContactMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Deletes a recipient's contact. Their notifications stay, and so do the addresses that channels already
     * have.
     * Durable when it returns. Deleting a contact that is not there fails with CONTACT_NOT_FOUND, which a
     * caller that repeats an interrupted call can take for success.
     * Errors: INVALID_FIELD; CONTACT_NOT_FOUND.
     * </pre>
     */
    public dev.tocsin.v1.DeleteContactResponse deleteContact(dev.tocsin.v1.DeleteContactRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDeleteContactMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns contacts, page by page, in the order of their recipients' types and ids.
     * A contact that is put while a caller turns pages may or may not be among those that follow; none is shown
     * twice. Changes nothing.
     * Errors: INVALID_FIELD; MALFORMED_PAGE_TOKEN.
     * </pre>
     */
    public dev.tocsin.v1.ListContactsResponse listContacts(dev.tocsin.v1.ListContactsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListContactsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service ContactService.
   * <pre>
   * Keeps what is known of how to reach registered recipients.
   * A contact is optional. With one, senders need not repeat addresses: `Send` takes from it the address of
   * every channel for which the request gives none, and the routing rules choose among the channels for which
   * it has one. Without one, senders put addresses into each request. A contact changes what is sent from then
   * on; channels that exist keep the address they were given. Every RPC here needs a service token with the
   * right scope; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public static final class ContactServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<ContactServiceBlockingStub> {
    private ContactServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ContactServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ContactServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates a recipient's contact or replaces it as a whole: what the request leaves out is gone afterwards.
     * Durable when it returns. Idempotent, so it may be repeated; of concurrent calls the last one stored wins.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public dev.tocsin.v1.PutContactResponse putContact(dev.tocsin.v1.PutContactRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getPutContactMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns a recipient's contact.
     * Changes nothing.
     * Errors: INVALID_FIELD; CONTACT_NOT_FOUND.
     * </pre>
     */
    public dev.tocsin.v1.GetContactResponse getContact(dev.tocsin.v1.GetContactRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetContactMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Deletes a recipient's contact. Their notifications stay, and so do the addresses that channels already
     * have.
     * Durable when it returns. Deleting a contact that is not there fails with CONTACT_NOT_FOUND, which a
     * caller that repeats an interrupted call can take for success.
     * Errors: INVALID_FIELD; CONTACT_NOT_FOUND.
     * </pre>
     */
    public dev.tocsin.v1.DeleteContactResponse deleteContact(dev.tocsin.v1.DeleteContactRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDeleteContactMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Returns contacts, page by page, in the order of their recipients' types and ids.
     * A contact that is put while a caller turns pages may or may not be among those that follow; none is shown
     * twice. Changes nothing.
     * Errors: INVALID_FIELD; MALFORMED_PAGE_TOKEN.
     * </pre>
     */
    public dev.tocsin.v1.ListContactsResponse listContacts(dev.tocsin.v1.ListContactsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListContactsMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service ContactService.
   * <pre>
   * Keeps what is known of how to reach registered recipients.
   * A contact is optional. With one, senders need not repeat addresses: `Send` takes from it the address of
   * every channel for which the request gives none, and the routing rules choose among the channels for which
   * it has one. Without one, senders put addresses into each request. A contact changes what is sent from then
   * on; channels that exist keep the address they were given. Every RPC here needs a service token with the
   * right scope; recipients' tokens are refused.
   * Any RPC can also fail with MALFORMED_REQUEST, REQUEST_TOO_LARGE, UNAUTHENTICATED, TOKEN_EXPIRED,
   * PERMISSION_DENIED, RATE_LIMITED, DATABASE_UNAVAILABLE, SHUTTING_DOWN or INTERNAL; see ErrorReason. The comments
   * below name the others.
   * </pre>
   */
  public static final class ContactServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<ContactServiceFutureStub> {
    private ContactServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected ContactServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new ContactServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Creates a recipient's contact or replaces it as a whole: what the request leaves out is gone afterwards.
     * Durable when it returns. Idempotent, so it may be repeated; of concurrent calls the last one stored wins.
     * Errors: INVALID_FIELD.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.PutContactResponse> putContact(
        dev.tocsin.v1.PutContactRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getPutContactMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns a recipient's contact.
     * Changes nothing.
     * Errors: INVALID_FIELD; CONTACT_NOT_FOUND.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.GetContactResponse> getContact(
        dev.tocsin.v1.GetContactRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetContactMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Deletes a recipient's contact. Their notifications stay, and so do the addresses that channels already
     * have.
     * Durable when it returns. Deleting a contact that is not there fails with CONTACT_NOT_FOUND, which a
     * caller that repeats an interrupted call can take for success.
     * Errors: INVALID_FIELD; CONTACT_NOT_FOUND.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.DeleteContactResponse> deleteContact(
        dev.tocsin.v1.DeleteContactRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDeleteContactMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Returns contacts, page by page, in the order of their recipients' types and ids.
     * A contact that is put while a caller turns pages may or may not be among those that follow; none is shown
     * twice. Changes nothing.
     * Errors: INVALID_FIELD; MALFORMED_PAGE_TOKEN.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.tocsin.v1.ListContactsResponse> listContacts(
        dev.tocsin.v1.ListContactsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListContactsMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_PUT_CONTACT = 0;
  private static final int METHODID_GET_CONTACT = 1;
  private static final int METHODID_DELETE_CONTACT = 2;
  private static final int METHODID_LIST_CONTACTS = 3;

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
        case METHODID_PUT_CONTACT:
          serviceImpl.putContact((dev.tocsin.v1.PutContactRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.PutContactResponse>) responseObserver);
          break;
        case METHODID_GET_CONTACT:
          serviceImpl.getContact((dev.tocsin.v1.GetContactRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.GetContactResponse>) responseObserver);
          break;
        case METHODID_DELETE_CONTACT:
          serviceImpl.deleteContact((dev.tocsin.v1.DeleteContactRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.DeleteContactResponse>) responseObserver);
          break;
        case METHODID_LIST_CONTACTS:
          serviceImpl.listContacts((dev.tocsin.v1.ListContactsRequest) request,
              (io.grpc.stub.StreamObserver<dev.tocsin.v1.ListContactsResponse>) responseObserver);
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
          getPutContactMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.PutContactRequest,
              dev.tocsin.v1.PutContactResponse>(
                service, METHODID_PUT_CONTACT)))
        .addMethod(
          getGetContactMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.GetContactRequest,
              dev.tocsin.v1.GetContactResponse>(
                service, METHODID_GET_CONTACT)))
        .addMethod(
          getDeleteContactMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.DeleteContactRequest,
              dev.tocsin.v1.DeleteContactResponse>(
                service, METHODID_DELETE_CONTACT)))
        .addMethod(
          getListContactsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.tocsin.v1.ListContactsRequest,
              dev.tocsin.v1.ListContactsResponse>(
                service, METHODID_LIST_CONTACTS)))
        .build();
  }

  private static abstract class ContactServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    ContactServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.tocsin.v1.ContactServiceProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("ContactService");
    }
  }

  private static final class ContactServiceFileDescriptorSupplier
      extends ContactServiceBaseDescriptorSupplier {
    ContactServiceFileDescriptorSupplier() {}
  }

  private static final class ContactServiceMethodDescriptorSupplier
      extends ContactServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    ContactServiceMethodDescriptorSupplier(java.lang.String methodName) {
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
      synchronized (ContactServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new ContactServiceFileDescriptorSupplier())
              .addMethod(getPutContactMethod())
              .addMethod(getGetContactMethod())
              .addMethod(getDeleteContactMethod())
              .addMethod(getListContactsMethod())
              .build();
        }
      }
    }
    return result;
  }
}
