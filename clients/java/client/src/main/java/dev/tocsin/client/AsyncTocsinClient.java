package dev.tocsin.client;

import com.google.protobuf.MessageLite;
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
import dev.tocsin.client.model.FeedEvent;
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
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;

/**
 * The verbs of a {@link TocsinClient} as futures. They fail with a {@link TocsinException};
 * cancelling one cancels its call. What cannot be sent, and a closed client, throw at once. What is
 * chained to a future without an executor of its own runs on a thread of the client's.
 */
public final class AsyncTocsinClient {
  private final Connection connection;
  private final Settings settings;

  AsyncTocsinClient(Connection connection, Settings settings) {
    this.connection = connection;
    this.settings = settings;
  }

  /**
   * Stores a notification and queues it. It is durable when this is answered, but not yet sent.
   * Always made with an idempotency key, so that it is stored once however often the call is
   * repeated.
   */
  public CompletableFuture<Accepted> send(Draft draft) {
    return start(Calls.send(draft));
  }

  /**
   * Stores up to 1,000 notifications in one commit. One that is refused does not spoil the others.
   * For each draft, in order, there is what became of it; the notifications come without message
   * and metadata.
   */
  public CompletableFuture<List<BatchResult>> sendBatch(Collection<Draft> drafts) {
    return start(Calls.sendBatch(drafts));
  }

  /** Stops what is still to come of a notification. Not repeated by the client. */
  public CompletableFuture<Notification> cancel(String id) {
    return start(Calls.cancel(id));
  }

  /** Revives these failed channels, or all that failed. Not repeated by the client. */
  public CompletableFuture<Notification> retry(String id, ChannelType... channels) {
    return start(Calls.retry(id, List.of(channels)));
  }

  /** Decides about a notification that was sent as deferred. */
  public CompletableFuture<Notification> route(String id, Route route) {
    return start(Calls.route(id, route));
  }

  /** Returns a notification with its channels. */
  public CompletableFuture<Notification> get(String id) {
    return start(Calls.get(id));
  }

  /** Returns one page of the notifications that match, newest first. */
  public CompletableFuture<NotificationPage> list(NotificationQuery query) {
    return start(Calls.list(query));
  }

  /** Marks notifications of one recipient as read, all of them or none. */
  public CompletableFuture<MarkedRead> markRead(Collection<String> ids) {
    return start(Calls.markRead(ids));
  }

  /** Marks a recipient's whole feed as read. */
  public CompletableFuture<MarkedRead> markFeedRead(Recipient recipient) {
    return start(Calls.markFeedRead(recipient, ""));
  }

  /** Marks a recipient's feed as read up to a place, so that what came since stays unread. */
  public CompletableFuture<MarkedRead> markFeedRead(Recipient recipient, String upToCursor) {
    return start(Calls.markFeedRead(recipient, upToCursor));
  }

  /** Counts what is unread in a recipient's feed. */
  public CompletableFuture<UnreadCount> countUnread(Recipient recipient) {
    return start(Calls.countUnread(recipient));
  }

  /**
   * Takes undecided notifications, which nobody else is given until the lease ends. A wait for the
   * first one comes on top of the call's deadline.
   */
  public CompletableFuture<List<Undecided>> leaseUndecided(LeaseRequest lease) {
    return start(Calls.leaseUndecided(lease));
  }

  /**
   * Tells what would become of a decision if it were made now, and fails as {@code route} would.
   * Empty if this very decision has been made already.
   */
  public CompletableFuture<Optional<Decision>> preview(String id, Route route) {
    return start(Calls.preview(id, route));
  }

  /** Tells as whom this client is known, and what its credentials allow. */
  public CompletableFuture<Caller> whoAmI() {
    return start(Calls.whoAmI());
  }

  /** Tells who decided about a notification, oldest first. */
  public CompletableFuture<List<Decision>> explain(String id) {
    return start(Calls.explain(id));
  }

  /** Tells what would be decided about a notification, without sending it. */
  public CompletableFuture<Simulation> simulate(Draft draft) {
    return start(Calls.simulate(draft, ""));
  }

  /** The same with rules (TOML, as in the server's file) in place of those in force. */
  public CompletableFuture<Simulation> simulate(Draft draft, String rules) {
    return start(Calls.simulate(draft, rules));
  }

  /** Tells what rules would have decided for what is stored, against what was decided. */
  public CompletableFuture<Backtest> backtest(BacktestQuery query) {
    return start(Calls.backtest(query));
  }

  /** Creates or replaces a contact as a whole: what is left out is gone. */
  public CompletableFuture<Contact> putContact(Contact contact) {
    return start(Calls.putContact(contact));
  }

  /** Returns a recipient's contact. */
  public CompletableFuture<Contact> getContact(Recipient recipient) {
    return start(Calls.getContact(recipient));
  }

  /** Deletes a recipient's contact. Not repeated by the client. */
  public CompletableFuture<Void> deleteContact(Recipient recipient) {
    return start(Calls.deleteContact(recipient));
  }

  /** Returns one page of contacts, in the order of their recipients' types and ids. */
  public CompletableFuture<ContactPage> listContacts(ContactQuery query) {
    return start(Calls.listContacts(query));
  }

  /** A recipient's live feed, from now on; see {@link #subscribe(Recipient, FeedOptions)}. */
  public Flow.Publisher<FeedEvent> subscribe(Recipient recipient) {
    return subscribe(recipient, FeedOptions.live());
  }

  /**
   * A recipient's live feed: every subscriber gets one of its own, which begins with its
   * subscription and resumes by itself as a {@link Subscription} does. It ends with an error for
   * what no further stream can cure, and completes when the client is closed. Signals come on
   * threads of the client's.
   */
  public Flow.Publisher<FeedEvent> subscribe(Recipient recipient, FeedOptions options) {
    connection.checkOpen();
    return new FeedPublisher(connection, settings, recipient, options);
  }

  /** A view whose calls have another deadline. */
  public AsyncTocsinClient withDeadline(Duration deadline) {
    return new AsyncTocsinClient(connection, settings.withDeadline(deadline));
  }

  <Q extends MessageLite, A, T> CompletableFuture<T> start(Calls.Call<Q, A, T> call) {
    return UnaryCall.start(
        connection,
        call,
        settings.token(),
        settings.retry(),
        settings.deadline().plus(call.patience()));
  }
}
