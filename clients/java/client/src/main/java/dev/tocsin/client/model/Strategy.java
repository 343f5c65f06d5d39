package dev.tocsin.client.model;

import java.time.Duration;
import java.util.Optional;

/**
 * How several channels work together.
 *
 * @param kind all at once, or one after the other
 * @param escalateAfter fallback only: how long a step may take before the next one starts although
 *     it has not failed; empty means that only failure leads on, which a websocket step cannot do
 * @param goal fallback only: what the steps are for; empty means that the notification is read
 */
public record Strategy(
    StrategyKind kind, Optional<Duration> escalateAfter, Optional<StrategyGoal> goal) {
  /** All at once, which is also what happens without a strategy. */
  public static Strategy parallel() {
    return new Strategy(StrategyKind.PARALLEL, Optional.empty(), Optional.empty());
  }

  /** One channel after the other, each when the one before has failed. */
  public static Strategy fallback() {
    return new Strategy(StrategyKind.FALLBACK, Optional.empty(), Optional.empty());
  }

  /** One channel after the other, each when the one before has failed or has had this long. */
  public static Strategy fallback(Duration escalateAfter) {
    return new Strategy(StrategyKind.FALLBACK, Optional.of(escalateAfter), Optional.empty());
  }

  /** The same with another goal. */
  public Strategy goal(StrategyGoal goal) {
    return new Strategy(kind, escalateAfter, Optional.of(goal));
  }
}
