package dev.tocsin.client.model;

import java.time.Instant;
import java.util.Optional;

/**
 * What to try rules on.
 *
 * @param rules rules and policies (TOML, as in the server's file) in place of those in force; empty
 *     means those
 * @param since only what was created then or later; empty means a day before {@code until}
 * @param until only what was created before; empty means now
 * @param category only this category, or with {@code .*} at its end every one below it
 * @param limit how many to look at, up to 10,000; 0 means 1,000
 */
public record BacktestQuery(
    String rules, Optional<Instant> since, Optional<Instant> until, String category, int limit) {
  /** The newest thousand of a day, with the rules in force. */
  public static BacktestQuery all() {
    return new BacktestQuery("", Optional.empty(), Optional.empty(), "", 0);
  }

  /**
   * The same with this condition: rules and policies (TOML, as in the server's file) in place of
   * those in force; empty means those.
   */
  public BacktestQuery withRules(String rules) {
    return new BacktestQuery(rules, since, until, category, limit);
  }

  /**
   * The same with this condition: only what was created then or later; empty means a day before
   * {@code until}.
   */
  public BacktestQuery withSince(Instant since) {
    return new BacktestQuery(rules, Optional.of(since), until, category, limit);
  }

  /** The same with this condition: only what was created before; empty means now. */
  public BacktestQuery withUntil(Instant until) {
    return new BacktestQuery(rules, since, Optional.of(until), category, limit);
  }

  /**
   * The same with this condition: only this category, or with {@code .*} at its end every one below
   * it.
   */
  public BacktestQuery withCategory(String category) {
    return new BacktestQuery(rules, since, until, category, limit);
  }

  /** The same with this condition: how many to look at, up to 10,000; 0 means 1,000. */
  public BacktestQuery withLimit(int limit) {
    return new BacktestQuery(rules, since, until, category, limit);
  }
}
