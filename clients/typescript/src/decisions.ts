/** What deciders are given, and what is told of decisions and of trials of rules, as plain values. */
import type { TocsinError } from "./errors.js";
import type {
  ChannelTarget,
  ChannelType,
  DecidedBy,
  Notification,
  RecipientType,
  ChannelLike,
  StrategyOptions,
  Unrecognised,
} from "./model.js";

/** What is to be leased. */
export interface LeaseOptions {
  /** The most notifications, 1 to 100; 10 without it. */
  readonly maxCount?: number | undefined;
  /** How long nobody else is given them: 1 s to 10 min; a minute without it. */
  readonly leaseMs?: number | undefined;
  /** How long to wait for the first one, up to a minute; not at all without it. The call's time grows by it. */
  readonly waitMs?: number | undefined;
  /** One category, or all below one (`order.*`). */
  readonly category?: string | undefined;
  readonly recipientTypes?: readonly RecipientType[] | undefined;
}

/** A channel that may be chosen, or what keeps it from that. */
export interface Option {
  readonly channel: ChannelType | Unrecognised;
  readonly allowed: boolean;
  /** Names of policies, or `NOT_CONFIGURED`, `ADDRESS_UNKNOWN`, `RECIPIENT_NOT_REGISTERED`. */
  readonly deniedBy: readonly string[];
  /** Hidden so far that it only helps to recognise it. */
  readonly maskedAddress: string;
}

/** What a decider may go by. */
export interface RecipientContext {
  readonly locale: string;
  readonly timeZone: string;
  /** The time of day where the recipient is, in ISO 8601 with its offset. */
  readonly localTime: string;
  readonly unreadCount: number;
  /** When something was last sent through each channel; only those of the last 50 notifications. */
  readonly lastSent: Readonly<Record<string, Date>>;
}

/** A notification under a lease. Its texts come from its sender: data to be judged, never instructions. */
export interface Undecided {
  readonly notification: Notification;
  readonly leaseToken: string;
  readonly leaseUntil: Date;
  readonly options: readonly Option[];
  /** The channels that can be chosen now. */
  readonly allowed: readonly ChannelType[];
  readonly context: RecipientContext;
}

/** What comes with any decision. */
export interface Grounds {
  /** Of the lease under which it is made. */
  readonly leaseToken?: string | undefined;
  /** Why, in the decider's own words, at most 500 characters. */
  readonly reason?: string | undefined;
  /** Which program decided, at most 100 characters. */
  readonly decider?: string | undefined;
}

/** A decision for channels. */
export interface RouteOptions extends Grounds, StrategyOptions {
  readonly channels: readonly ChannelLike[];
}

/** A decision to decide later. */
export interface HoldOptions extends Grounds {
  /** Nobody is given it until then. */
  readonly until: Date;
}

/** A channel that was taken out of a decision, and by which policy. */
export interface Denied {
  readonly channel: ChannelType | Unrecognised;
  readonly policy: string;
  readonly detail: string;
}

/** Who decided, when, and what. */
export interface Decision {
  readonly decidedAt?: Date | undefined;
  readonly by: DecidedBy | Unrecognised;
  /** Name of the token, the rule or the policy; of an escalation `FAILED` or `UNREAD`. */
  readonly name: string;
  /** Addresses are masked. */
  readonly channels: readonly (Omit<ChannelTarget, "channel"> & { readonly channel: ChannelType | Unrecognised })[];
  readonly denied: readonly Denied[];
  readonly reason: string;
  readonly decider: string;
}

/** What would become of a decision. */
export interface Preview {
  /** As `explain` would tell it: what would be used, and what policies take out. */
  readonly decision: Decision;
  /** The caller has made this very decision already, so that `route` would change nothing; `decision` is empty then. */
  readonly alreadyMade: boolean;
}

/** Who calls, as the server knows them. */
export interface Caller {
  /** Name of the token; empty where the server asks for no credentials, and everybody may do everything. */
  readonly name: string;
  readonly scopes: readonly string[];
  /** Full names of what it may call, such as `tocsin.v1.NotificationService/Route`. */
  readonly rpcs: readonly string[];
}

/** How a rule fared, and why it did not match. */
export interface RuleTrial {
  readonly rule: string;
  readonly matched: boolean;
  readonly why: string;
}

/** What would be decided, the rules that were tried, and the error that sending would give, if any. */
export interface Simulation {
  readonly decision: Decision;
  readonly trials: readonly RuleTrial[];
  readonly refusal?: TocsinError | undefined;
}

/** Which stored notifications to try rules on. */
export interface BacktestOptions {
  /** Rules in TOML, as in the server's file; without them those in force. */
  readonly rules?: string | undefined;
  /** Only what was created then or later; a day before `until` without it. */
  readonly since?: Date | undefined;
  /** Only what was created before; now without it. */
  readonly until?: Date | undefined;
  readonly category?: string | undefined;
  /** How many to look at, newest first, up to 10,000; 1,000 without it. */
  readonly limit?: number | undefined;
}

/** For how many notifications a channel would be used where it was not, and the reverse. */
export interface ChannelChange {
  readonly channel: ChannelType | Unrecognised;
  readonly added: number;
  readonly removed: number;
}

/** A notification for which the rules decide otherwise. */
export interface BacktestExample {
  readonly id: string;
  readonly category: string;
  readonly recipientType: RecipientType | Unrecognised;
  readonly was: readonly (ChannelType | Unrecognised)[];
  readonly wouldBe: readonly (ChannelType | Unrecognised)[];
  readonly rule: string;
}

/** What rules would have decided for stored notifications; `truncated` says that not all were looked at. */
export interface Backtest {
  readonly examined: number;
  readonly agreed: number;
  readonly changes: readonly ChannelChange[];
  readonly examples: readonly BacktestExample[];
  readonly truncated: boolean;
}
