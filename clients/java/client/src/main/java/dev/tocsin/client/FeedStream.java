package dev.tocsin.client;

import dev.tocsin.client.error.Failure;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.model.FeedEvent;
import dev.tocsin.v1.NotificationServiceGrpc;
import dev.tocsin.v1.SubscribeRequest;
import dev.tocsin.v1.SubscribeResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.SynchronizationContext;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;

/**
 * One subscriber's feed, over as many streams as it takes. Messages are asked for one by one, as
 * the subscriber demands events: what it does not ask for stays with the server, which ends a
 * stream that falls behind, and the next one goes on from there.
 *
 * <p>All state is of {@code turns}, which runs one thing at a time.
 */
final class FeedStream implements Flow.Subscription, Connection.Tenant {
  private static final System.Logger LOG = System.getLogger("dev.tocsin.client");

  /** What a subscriber may also be: one that learns of positions without an event. */
  interface Positioned {
    /** The stream has got to this place, without an event for the subscriber. */
    void moved(String cursor);
  }

  private final Connection connection;
  private final Token token;
  private final Resumption resumption;
  private final Duration silence;
  private final FeedOptions options;
  private final String name;
  private final Flow.Subscriber<? super FeedEvent> subscriber;
  private final SynchronizationContext turns =
      new SynchronizationContext(
          (thread, error) -> LOG.log(System.Logger.Level.ERROR, "a feed broke down", error));
  private volatile ClientCall<SubscribeRequest, SubscribeResponse> call;
  private volatile boolean done;
  private boolean isAsked;
  private boolean fellSilent;
  private boolean told;
  private long demand;
  private Future<?> pending;

  FeedStream(
      Connection connection,
      Token token,
      Resumption resumption,
      Duration silence,
      FeedOptions options,
      String name,
      Flow.Subscriber<? super FeedEvent> subscriber) {
    this.connection = connection;
    this.token = token;
    this.resumption = resumption;
    this.silence = silence;
    this.options = options;
    this.name = name;
    this.subscriber = subscriber;
  }

  /** Starts; the subscriber's first signal is onSubscribe. */
  void start() {
    turns.execute(
        () -> {
          subscriber.onSubscribe(this);
          connection.enter(this);
          open();
        });
  }

  @Override
  public void request(long count) {
    turns.execute(
        () -> {
          if (count <= 0) {
            fail(new IllegalArgumentException("the demand must be positive, and is " + count));
            return;
          }
          demand = demand + count < 0 ? Long.MAX_VALUE : demand + count;
          ask();
        });
  }

  @Override
  public void cancel() {
    // At once, also while the subscriber is still busy with an event.
    done = true;
    turns.execute(this::leave);
  }

  @Override
  public void evict() {
    turns.execute(
        () -> {
          if (!done) {
            done = true;
            leave();
            subscriber.onComplete();
          }
        });
  }

  private void fail(Throwable error) {
    if (!done) {
      done = true;
      leave();
      subscriber.onError(error);
    }
  }

  private void leave() {
    connection.leave(this);
    stopWaiting();
    ClientCall<?, ?> current = call;
    call = null;
    if (current != null) {
      current.cancel("the subscription has ended", null);
    }
  }

  private void open() {
    if (done) {
      return;
    }
    try {
      Metadata headers = token.headers();
      ClientCall<SubscribeRequest, SubscribeResponse> opened =
          connection.channel.newCall(
              NotificationServiceGrpc.getSubscribeMethod(), CallOptions.DEFAULT);
      call = opened;
      isAsked = false;
      fellSilent = false;
      opened.start(new Listener(opened), headers);
      opened.sendMessage(resumption.request());
      opened.halfClose();
      ask();
    } catch (RuntimeException refused) {
      // A token that could not be got, for one.
      fail(refused);
    }
  }

  /**
   * Asks for a message if the subscriber waits for one. Only then is silence a sign of a dead
   * stream.
   */
  private void ask() {
    if (demand > 0 && !isAsked && call != null) {
      ClientCall<?, ?> asked = call;
      isAsked = true;
      pending = connection.later(silence, () -> turns.execute(() -> bite(asked)));
      asked.request(1);
    }
  }

  private void bite(ClientCall<?, ?> asked) {
    if (asked == call && isAsked) {
      // A message that arrives right now is lost with the stream but not to the subscription, whose
      // position has not
      // moved past it.
      fellSilent = true;
      asked.cancel("silent", null);
    }
  }

  private void stopWaiting() {
    if (pending != null) {
      pending.cancel(false);
      pending = null;
    }
  }

  private void received(SubscribeResponse message) {
    stopWaiting();
    isAsked = false;
    boolean wasInterrupted = resumption.isInterrupted();
    Optional<FeedEvent> event;
    try {
      event = resumption.received(message);
    } catch (RuntimeException unreadable) {
      fail(unreadable);
      return;
    }
    if (told && wasInterrupted && !resumption.isInterrupted()) {
      told = false;
      LOG.log(System.Logger.Level.INFO, "the feed of {0} is back", name);
    }
    if (event.isPresent()) {
      demand--;
      subscriber.onNext(event.get());
    } else if (subscriber instanceof Positioned positioned) {
      positioned.moved(resumption.cursor());
    }
    ask();
  }

  private void closed(TocsinException error) {
    stopWaiting();
    call = null;
    Optional<Duration> delay = resumption.interrupted(error);
    if (delay.isEmpty()) {
      fail(error);
      return;
    }
    try {
      tell(error, delay.get());
    } catch (RuntimeException raised) {
      fail(raised);
      return;
    }
    pending =
        connection.later(
            delay.get(),
            () -> {
              // Else gRPC would not look for a server that is back until its own wait is over.
              connection.channel.resetConnectBackoff();
              turns.execute(this::open);
            });
  }

  private void tell(TocsinException error, Duration delay) {
    if (options.onInterruption().isPresent()) {
      options.onInterruption().get().accept(error, delay);
    } else if (!told) {
      // Without it, a subscription to an address where no server ever was would wait for one
      // without a word.
      told = true;
      LOG.log(
          System.Logger.Level.WARNING,
          "the feed of {0} is interrupted ({1}); trying again until it is back",
          name,
          error.getMessage());
    }
  }

  /** Hands what comes on one stream to the feed, as long as it is that feed's stream. */
  private final class Listener extends ClientCall.Listener<SubscribeResponse> {
    private final ClientCall<SubscribeRequest, SubscribeResponse> mine;

    Listener(ClientCall<SubscribeRequest, SubscribeResponse> mine) {
      this.mine = mine;
    }

    @Override
    public void onMessage(SubscribeResponse message) {
      inTurn(() -> received(message));
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      inTurn(
          () -> {
            if (fellSilent) {
              closed(Resumption.fellSilent(silence));
            } else if (status.isOk()) {
              closed(Resumption.ended());
            } else {
              closed(Failure.of(status, trailers).exception());
            }
          });
    }

    private void inTurn(Runnable task) {
      turns.execute(
          () -> {
            if (!done && mine == call) {
              try {
                task.run();
              } catch (RuntimeException | Error broken) {
                // A subscriber that throws has broken the rules, and gets nothing more.
                cancel();
                throw broken;
              }
            }
          });
    }
  }
}
