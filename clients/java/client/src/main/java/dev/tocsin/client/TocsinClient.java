package dev.tocsin.client;

import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.model.Accepted;
import dev.tocsin.client.model.Backtest;
import dev.tocsin.client.model.BacktestQuery;
import dev.tocsin.client.model.BatchResult;
import dev.tocsin.client.model.Caller;
import dev.tocsin.client.model.ChannelType;
import dev.tocsin.client.model.Contact;
import dev.tocsin.client.model.ContactPage;
import dev.tocsin.client.model.ContactQuery;
import dev.tocsin.client.model.Decision;
import dev.tocsin.client.model.Draft;
import dev.tocsin.client.model.LeaseRequest;
import dev.tocsin.client.model.MarkedRead;
import dev.tocsin.client.model.Notification;
import dev.tocsin.client.model.NotificationPage;
import dev.tocsin.client.model.NotificationQuery;
import dev.tocsin.client.model.Recipient;
import dev.tocsin.client.model.Route;
import dev.tocsin.client.model.Simulation;
import dev.tocsin.client.model.Undecided;
import dev.tocsin.client.model.UnreadCount;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * A connection to Tocsin; safe to share between threads, and meant to be kept.
 *
 * <pre>{@code
 * try (TocsinClient tocsin = TocsinClient.connect("127.0.0.1:50051")) {
 *   tocsin.send(Draft.to(Recipient.user(id)).title("…").message("…").build());
 * }
 * }</pre>
 *
 * <p>It connects when it is first used. Every verb throws a {@link TocsinException} when the call
 * fails, IllegalArgumentException for arguments that cannot be sent, and IllegalStateException once
 * the client is closed. A call has 10 seconds unless the client, or {@link #withDeadline}, says
 * otherwise; within that, calls that may be repeated are, when the server is unavailable or cuts
 * them off. {@link #async} has the same verbs as futures.
 */
public final class TocsinClient implements AutoCloseable {
  private final Connection connection;
  private final Settings settings;
  private final boolean isOwner;

  TocsinClient(Connection connection, Settings settings) {
    this(connection, settings, true);
  }

  private TocsinClient(Connection connection, Settings settings, boolean isOwner) {
    this.connection = connection;
    this.settings = settings;
    this.isOwner = isOwner;
  }

  /**
   * A client without credentials and encryption, for a server on this machine or a network that is
   * trusted.
   */
  public static TocsinClient connect(String address) {
    return builder(address).build();
  }

  /**
   * A client to be described.
   *
   * @param addresses {@code host:port}, or in gRPC's terms {@code dns:///name:port} (all addresses
   *     of a name) or {@code unix:/path}; or several, each {@code host:port}, of which one that
   *     answers is used
   */
  public static TocsinClientBuilder builder(String... addresses) {
    return new TocsinClientBuilder(List.of(addresses));
  }

  /**
   * Stores a notification and queues it. It is durable when this is answered, but not yet sent.
   * Always made with an idempotency key, so that it is stored once however often the call is
   * repeated.
   */
  public Accepted send(Draft draft) {
    return call(Calls.send(draft));
  }

  /**
   * Stores up to 1,000 notifications in one commit. One that is refused does not spoil the others.
   * For each draft, in order, there is what became of it; the notifications come without message
   * and metadata.
   */
  public List<BatchResult> sendBatch(Collection<Draft> drafts) {
    return call(Calls.sendBatch(drafts));
  }

  /** Stops what is still to come of a notification. Not repeated by the client. */
  public Notification cancel(String id) {
    return call(Calls.cancel(id));
  }

  /** Revives these failed channels, or all that failed. Not repeated by the client. */
  public Notification retry(String id, ChannelType... channels) {
    return call(Calls.retry(id, List.of(channels)));
  }

  /** Decides about a notification that was sent as deferred. */
  public Notification route(String id, Route route) {
    return call(Calls.route(id, route));
  }

  /** Returns a notification with its channels. */
  public Notification get(String id) {
    return call(Calls.get(id));
  }

  /** Returns one page of the notifications that match, newest first. */
  public NotificationPage list(NotificationQuery query) {
    return call(Calls.list(query));
  }

  /** Marks notifications of one recipient as read, all of them or none. */
  public MarkedRead markRead(Collection<String> ids) {
    return call(Calls.markRead(ids));
  }

  /** Marks a recipient's whole feed as read. */
  public MarkedRead markFeedRead(Recipient recipient) {
    return call(Calls.markFeedRead(recipient, ""));
  }

  /** Marks a recipient's feed as read up to a place, so that what came since stays unread. */
  public MarkedRead markFeedRead(Recipient recipient, String upToCursor) {
    return call(Calls.markFeedRead(recipient, upToCursor));
  }

  /** Counts what is unread in a recipient's feed. */
  public UnreadCount countUnread(Recipient recipient) {
    return call(Calls.countUnread(recipient));
  }

  /**
   * Takes undecided notifications, which nobody else is given until the lease ends. A wait for the
   * first one comes on top of the call's deadline.
   */
  public List<Undecided> leaseUndecided(LeaseRequest lease) {
    return call(Calls.leaseUndecided(lease));
  }

  /**
   * Tells what would become of a decision if it were made now, and fails as {@code route} would.
   * Empty if this very decision has been made already.
   */
  public Optional<Decision> preview(String id, Route route) {
    return call(Calls.preview(id, route));
  }

  /** Tells as whom this client is known, and what its credentials allow. */
  public Caller whoAmI() {
    return call(Calls.whoAmI());
  }

  /** Tells who decided about a notification, oldest first. */
  public List<Decision> explain(String id) {
    return call(Calls.explain(id));
  }

  /** Tells what would be decided about a notification, without sending it. */
  public Simulation simulate(Draft draft) {
    return call(Calls.simulate(draft, ""));
  }

  /** The same with rules (TOML, as in the server's file) in place of those in force. */
  public Simulation simulate(Draft draft, String rules) {
    return call(Calls.simulate(draft, rules));
  }

  /** Tells what rules would have decided for what is stored, against what was decided. */
  public Backtest backtest(BacktestQuery query) {
    return call(Calls.backtest(query));
  }

  /** Creates or replaces a contact as a whole: what is left out is gone. */
  public Contact putContact(Contact contact) {
    return call(Calls.putContact(contact));
  }

  /** Returns a recipient's contact. */
  public Contact getContact(Recipient recipient) {
    return call(Calls.getContact(recipient));
  }

  /** Deletes a recipient's contact. Not repeated by the client. */
  public void deleteContact(Recipient recipient) {
    call(Calls.deleteContact(recipient));
  }

  /** Returns one page of contacts, in the order of their recipients' types and ids. */
  public ContactPage listContacts(ContactQuery query) {
    return call(Calls.listContacts(query));
  }

  /**
   * All notifications that match, newest first. The first page is read at once, others as they are
   * needed.
   */
  public Stream<Notification> notifications(NotificationQuery query) {
    return Stream.iterate(
            list(query),
            page -> page != null,
            page ->
                page.nextPageToken().isEmpty()
                    ? null
                    : list(query.withPageToken(page.nextPageToken())))
        .flatMap(page -> page.notifications().stream());
  }

  /** All contacts that match. The first page is read at once, others as they are needed. */
  public Stream<Contact> contacts(ContactQuery query) {
    return Stream.iterate(
            listContacts(query),
            page -> page != null,
            page ->
                page.nextPageToken().isEmpty()
                    ? null
                    : listContacts(query.withPageToken(page.nextPageToken())))
        .flatMap(page -> page.contacts().stream());
  }

  /** Follows a recipient's feed live, from now on. */
  public Subscription subscribe(Recipient recipient) {
    return subscribe(recipient, FeedOptions.live());
  }

  /** Follows a recipient's feed live, from after a cursor on. */
  public Subscription subscribe(Recipient recipient, String cursor) {
    return subscribe(recipient, FeedOptions.after(cursor));
  }

  /** Follows a recipient's feed live. */
  public Subscription subscribe(Recipient recipient, FeedOptions options) {
    connection.checkOpen();
    return new Subscription(
        options.cursor(),
        subscriber -> FeedPublisher.stream(connection, settings, recipient, options, subscriber));
  }

  /** A sender of many notifications. */
  public BulkSender bulkSender() {
    return bulkSender(BulkOptions.defaults());
  }

  /** A sender of many notifications. */
  public BulkSender bulkSender(BulkOptions options) {
    connection.checkOpen();
    return new BulkSender(connection, settings.token(), options);
  }

  /** The same verbs as futures, on the same connection. */
  public AsyncTocsinClient async() {
    return new AsyncTocsinClient(connection, settings);
  }

  /** A view of this client whose calls have another deadline. Closing it does nothing. */
  public TocsinClient withDeadline(Duration deadline) {
    return new TocsinClient(connection, settings.withDeadline(deadline), false);
  }

  /**
   * A view of this client with another token, for programs that act for many. Closing it does
   * nothing.
   *
   * @throws IllegalArgumentException if the token would travel unencrypted to another machine
   */
  public TocsinClient withToken(String token) {
    connection.checkToken();
    return new TocsinClient(connection, settings.withToken(Token.fixed(token)), false);
  }

  /**
   * As {@link #withToken(String)}, asking for the token for each attempt of a call and each stream.
   */
  public TocsinClient withToken(Supplier<String> token) {
    connection.checkToken();
    return new TocsinClient(connection, settings.withToken(new Token(token, true)), false);
  }

  /**
   * The gRPC channel, with the credentials of this client, for use with the generated stubs: {@code
   * NotificationServiceGrpc.newBlockingStub(tocsin.channel())}. Deadlines and repetitions are the
   * caller's then.
   */
  public Channel channel() {
    return ClientInterceptors.intercept(connection.channel, new Credentials(settings.token()));
  }

  /**
   * Ends subscriptions, senders and calls, and closes the connection; no thread is left. May be
   * called repeatedly. What a sender has not had answered fails as cancelled: close senders first.
   */
  @Override
  public void close() {
    if (isOwner) {
      connection.close();
    }
  }

  private <T> T call(Calls.Call<?, ?, T> call) {
    return Blocking.await(async().start(call));
  }

  /** Adds the token to calls of the generated stubs. */
  private record Credentials(Token token) implements ClientInterceptor {
    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
        MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      return new ForwardingClientCall.SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<A> listener, Metadata headers) {
          token.addTo(headers);
          super.start(listener, headers);
        }
      };
    }
  }
}
