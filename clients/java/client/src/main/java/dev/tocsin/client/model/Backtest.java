package dev.tocsin.client.model;

import java.util.List;

/**
 * What rules would have decided for stored notifications, against what was decided.
 *
 * @param examined how many were looked at
 * @param agreed for how many the same channels would have been chosen
 * @param changes what would change, by channel
 * @param examples where the rules decide otherwise, newest first, at most 50
 * @param truncated whether a limit ended it before all were looked at
 */
public record Backtest(
    int examined,
    int agreed,
    List<ChannelChange> changes,
    List<BacktestExample> examples,
    boolean truncated) {}
