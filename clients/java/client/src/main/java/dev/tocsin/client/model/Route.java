package dev.tocsin.client.model;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A decision to be made about a deferred notification: channels, or to decide later, or to send
 * nothing.
 *
 * @param channels what to send through
 * @param strategy how the channels work together
 * @param holdUntil decide later: nobody is given it until then
 * @param suppress send nothing
 * @param leaseToken the lease under which it is decided; empty is enough for what nobody holds
 * @param reason why, in at most 500 characters; kept, and shown by explain
 * @param decider which program decided, in at most 100 characters; kept likewise
 */
public record Route(
    List<ChannelTarget> channels,
    Optional<Strategy> strategy,
    Optional<Instant> holdUntil,
    boolean suppress,
    String leaseToken,
    String reason,
    String decider) {
  /** Keeps a copy of the channels. */
  public Route {
    channels = List.copyOf(channels);
  }

  /** Send through these channels; the server knows the addresses. */
  public static Route through(ChannelType... channels) {
    return through(List.of(channels).stream().map(ChannelTarget::of).toList());
  }

  /** Send through these channels. An address must be one that the server knows. */
  public static Route through(List<ChannelTarget> channels) {
    return new Route(channels, Optional.empty(), Optional.empty(), false, "", "", "");
  }

  /** Decide later; the deadline of the decision still binds. */
  public static Route hold(Instant until) {
    return new Route(List.of(), Optional.empty(), Optional.of(until), false, "", "", "");
  }

  /** Send nothing: the notification fails as suppressed. */
  public static Route nothing() {
    return new Route(List.of(), Optional.empty(), Optional.empty(), true, "", "", "");
  }

  /** The same with a strategy. */
  public Route withStrategy(Strategy strategy) {
    return new Route(
        channels, Optional.of(strategy), holdUntil, suppress, leaseToken, reason, decider);
  }

  /** The same under a lease. */
  public Route withLease(String leaseToken) {
    return new Route(channels, strategy, holdUntil, suppress, leaseToken, reason, decider);
  }

  /** The same with the grounds, which are kept. */
  public Route because(String reason) {
    return new Route(channels, strategy, holdUntil, suppress, leaseToken, reason, decider);
  }

  /** The same with the name of the program that decides, which is kept. */
  public Route by(String decider) {
    return new Route(channels, strategy, holdUntil, suppress, leaseToken, reason, decider);
  }
}
