/** Between the client's values and the messages about decisions and trials of rules. */
import { create } from "@bufbuild/protobuf";

import type {
  BacktestRequest,
  BacktestResponse,
  Decision as DecisionMessage,
  LeaseUndecidedRequest,
  SimulateResponse,
  Undecided as UndecidedMessage,
} from "#protos/tocsin/v1/decision_service_pb";
import {
  BacktestRequestSchema,
  DecidedBy as DecidedByNumbers,
  LeaseUndecidedRequestSchema,
} from "#protos/tocsin/v1/decision_service_pb";
import type { RouteRequest } from "#protos/tocsin/v1/notification_service_pb";
import { RouteRequestSchema } from "#protos/tocsin/v1/notification_service_pb";

import { CHANNELS, notificationFrom, strategy, targets } from "./convert.js";
import type * as decisions from "./decisions.js";
import { errorFromStatus } from "./error-details.js";
import type { ChannelType, DecidedBy } from "./model.js";
import { RECIPIENT_TYPES } from "./recipients.js";
import { date, dateOf, duration, int32, text, timestamp, Words } from "./values.js";

const DECIDED_BY = new Words<DecidedBy, DecidedByNumbers>("decider", DecidedByNumbers);

// -- requests ---------------------------------------------------------------------------------------

/** Returns the request of one of the three decisions. */
export function routeRequest(
  id: string,
  decision: decisions.RouteOptions | decisions.HoldOptions | (decisions.Grounds & { readonly suppress: true }),
): RouteRequest {
  return create(RouteRequestSchema, {
    id: text("id", id),
    leaseToken: text("leaseToken", decision.leaseToken),
    reason: text("reason", decision.reason),
    decider: text("decider", decision.decider),
    ...("channels" in decision && { channels: targets(decision.channels), strategy: strategy(decision) }),
    ...("until" in decision && { holdUntil: timestamp("until", decision.until) }),
    ...("suppress" in decision && { suppress: true }),
  });
}

/** Returns the request of a lease. */
export function leaseRequest(options: decisions.LeaseOptions): LeaseUndecidedRequest {
  return create(LeaseUndecidedRequestSchema, {
    maxCount: int32("maxCount", options.maxCount),
    lease: duration("leaseMs", options.leaseMs),
    wait: duration("waitMs", options.waitMs),
    category: text("category", options.category),
    recipientTypes: (options.recipientTypes ?? []).map((type) => RECIPIENT_TYPES.number(type)),
  });
}

/** Returns the request of a trial on what is stored. */
export function backtestRequest(options: decisions.BacktestOptions): BacktestRequest {
  return create(BacktestRequestSchema, {
    rules: text("rules", options.rules),
    since: timestamp("since", options.since),
    until: timestamp("until", options.until),
    category: text("category", options.category),
    limit: int32("limit", options.limit),
  });
}

// -- answers ----------------------------------------------------------------------------------------

/** Reads what is to be decided. */
export function undecidedFrom(message: UndecidedMessage): decisions.Undecided {
  const options = message.options.map(({ channel, allowed, deniedBy, maskedAddress }) => ({
    channel: CHANNELS.word(channel),
    allowed,
    deniedBy,
    maskedAddress,
  }));
  const { context } = message;
  return {
    notification: notificationFrom(message.notification),
    leaseToken: message.leaseToken,
    leaseUntil: date(message.leaseUntil),
    options,
    // Of a channel that this client does not know it could not say anything.
    allowed: options.flatMap(({ channel, allowed }) => (allowed && isKnown(channel) ? [channel] : [])),
    context: {
      locale: context?.locale ?? "",
      timeZone: context?.timeZone ?? "",
      localTime: context?.localTime ?? "",
      unreadCount: Number(context?.unreadCount ?? 0n),
      lastSent: Object.fromEntries(
        (context?.lastSent ?? []).map((last) => [CHANNELS.word(last.channel), date(last.at)]),
      ),
    },
  };
}

function isKnown(channel: string): channel is ChannelType {
  return channel !== "unspecified" && !channel.startsWith("unknown_");
}

/** Reads who decided, and what. */
export function decisionFrom(message: DecisionMessage | undefined): decisions.Decision {
  return {
    decidedAt: dateOf(message?.decidedAt),
    by: DECIDED_BY.word(message?.by ?? DecidedByNumbers.UNSPECIFIED),
    name: message?.name ?? "",
    channels: (message?.channels ?? []).map(({ channel, address }) => ({
      channel: CHANNELS.word(channel),
      address: address || undefined,
    })),
    denied: (message?.denied ?? []).map(({ channel, policy, detail }) => ({
      channel: CHANNELS.word(channel),
      policy,
      detail,
    })),
    reason: message?.reason ?? "",
    decider: message?.decider ?? "",
  };
}

/** Reads what would be decided. */
export function simulationFrom(message: SimulateResponse): decisions.Simulation {
  return {
    decision: decisionFrom(message.decision),
    trials: message.trials.map(({ rule, matched, why }) => ({ rule, matched, why })),
    refusal: message.refusal && errorFromStatus(message.refusal),
  };
}

/** Reads what rules would have decided. */
export function backtestFrom(message: BacktestResponse): decisions.Backtest {
  const { examined, agreed, truncated } = message;
  return {
    examined,
    agreed,
    changes: message.changes.map(({ channel, added, removed }) => ({
      channel: CHANNELS.word(channel),
      added,
      removed,
    })),
    examples: message.examples.map(({ id, category, recipientType, was, wouldBe, rule }) => ({
      id,
      category,
      recipientType: RECIPIENT_TYPES.word(recipientType),
      was: was.map((channel) => CHANNELS.word(channel)),
      wouldBe: wouldBe.map((channel) => CHANNELS.word(channel)),
      rule,
    })),
    truncated,
  };
}
