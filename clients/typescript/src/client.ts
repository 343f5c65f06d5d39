/** The client: a verb for each call of the API, subscriptions, and senders of many. */
import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ChannelOptions } from "@grpc/grpc-js";

import { NotificationService } from "#protos/tocsin/v1/notification_service_pb";

import type { Tls, Token } from "./address.js";
import { target } from "./address.js";
import type { Backoff } from "./backoff.js";
import { CALL_BACKOFF, STREAM_BACKOFF } from "./backoff.js";
import type { BatchSenderOptions } from "./batch-sender.js";
import { BatchSender } from "./batch-sender.js";
import type { Call } from "./calls.js";
import * as calls from "./calls.js";
import { carryOut, currentToken } from "./carry-out.js";
import { Connection } from "./connection.js";
import type * as decisions from "./decisions.js";
import { ClosedError } from "./errors.js";
import { MessageStream } from "./message-stream.js";
import type * as model from "./model.js";
import { Resumption } from "./resumption.js";
import { Scope } from "./scope.js";
import type { SubscribeOptions } from "./subscription.js";
import { Subscription } from "./subscription.js";

/** How a client connects and behaves. */
export interface ClientOptions {
  /** A bearer token, or a function that gives the current one, asked for each attempt and each stream. */
  readonly token?: Token | undefined;
  /** How to protect the connection; `true` for servers that Node.js trusts. Without it everything goes in the clear. */
  readonly tls?: Tls | boolean | undefined;
  /** Milliseconds that a call may take, attempts and waits included: 10,000. Each call can have its own. */
  readonly timeoutMs?: number | undefined;
  /** Waits between the attempts of a call. */
  readonly retry?: Partial<Backoff> | undefined;
  /** Waits between the streams of a subscription. */
  readonly reconnect?: Partial<Backoff> | undefined;
  /** Milliseconds without any event after which a stream counts as dead: 60,000. Heartbeats come every 25 s. */
  readonly silenceMs?: number | undefined;
  /** Told of what nobody else is: an interrupted feed, a feed with a gap. `process.emitWarning` without it. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Further options of @grpc/grpc-js, which win over the client's own. */
  readonly channelOptions?: ChannelOptions | undefined;
}

/** What each call can have of its own. */
export interface CallOptions {
  /** Milliseconds that it may take. */
  readonly timeoutMs?: number | undefined;
  /** Ends it; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

interface Settings {
  readonly timeoutMs: number;
  readonly retry: Backoff;
  readonly reconnect: Backoff;
  readonly silenceMs: number;
  readonly warn: (message: string) => void;
}

/** The longest that a timer can wait, in milliseconds: 25 days nearly. */
const LONGEST = 2 ** 31 - 1;

/** What clients with different tokens share. */
class Shared {
  readonly connection: Connection;
  readonly settings: Settings;

  constructor(connection: Connection, settings: Settings) {
    this.connection = connection;
    this.settings = settings;
  }
}

/**
 * A connection to a Tocsin server, meant to be kept and shared. It connects when it is first used.
 *
 * Every verb rejects with a {@link TocsinError} when the call fails, with a TypeError or RangeError for arguments that
 * cannot be sent, with the reason of an aborted signal, and with a {@link ClosedError} once the client is closed.
 */
export class Client implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #token: Token | undefined;
  readonly #settings: Settings;
  readonly #scope: Scope;
  readonly #ownsConnection: boolean;

  /**
   * @param address Where the server is: `host:port`, `dns:///name:port` for all addresses of a name, `unix:/path`, or
   *   several IP addresses with ports, of which it uses one that answers.
   * @throws RangeError If the address is none, or a token would travel unencrypted to another machine.
   */
  constructor(address?: string | readonly string[], options?: ClientOptions);
  /** @internal */
  constructor(shared: Shared, options: ClientOptions);
  constructor(where: string | readonly string[] | Shared = "127.0.0.1:50051", options: ClientOptions = {}) {
    this.#ownsConnection = !(where instanceof Shared);
    const { connection, settings } = where instanceof Shared ? where : connect(where, options);
    connection.checkToken(options.token);
    this.#connection = connection;
    this.#settings = settings;
    this.#token = options.token;
    this.#scope = new Scope(connection.scope);
  }

  // -- sending --------------------------------------------------------------------------------------

  /**
   * Stores a notification and queues it. It is durable when this resolves, but not yet sent. Repeated within its time if
   * the server is unavailable, always with the same idempotency key, so that it is stored once.
   */
  send(draft: model.Draft, options?: CallOptions): Promise<model.Sent> {
    return this.#call(() => calls.send(draft), options);
  }

  /**
   * Stores up to 1,000 notifications in one commit; resolves with a result for each, in their order. One that is refused
   * does not spoil the others. The notifications come without message and metadata.
   */
  sendBatch(drafts: Iterable<model.Draft>, options?: CallOptions): Promise<model.BatchResult[]> {
    return this.#call(() => calls.sendBatch(drafts), options);
  }

  /** Returns a sender that gathers what is sent into batches. Close it before the client. */
  batchSender(options: BatchSenderOptions = {}): BatchSender {
    this.#scope.throwIfClosed();
    return new BatchSender(options, {
      attempt: (call, timeoutMs, signal) => this.#call(() => call, { timeoutMs, signal }),
      backoff: this.#settings.retry,
    });
  }

  /** Stops what is still to come; what is being sent at this moment may still go out. */
  cancel(id: string, options?: CallOptions): Promise<model.Notification> {
    return this.#call(() => calls.cancel(id), options);
  }

  /** Revives failed channels, with a new budget of attempts; none named means all that failed. */
  retry(id: string, channels: readonly model.ChannelType[] = [], options?: CallOptions): Promise<model.Notification> {
    return this.#call(() => calls.retry(id, channels), options);
  }

  // -- reading --------------------------------------------------------------------------------------

  /** Returns a notification with its channels. */
  get(id: string, options?: CallOptions): Promise<model.Notification> {
    return this.#call(() => calls.get(id), options);
  }

  /** Returns one page of the notifications that match, newest first. */
  list(
    filter: model.ListFilter & { readonly pageToken?: string | undefined } = {},
    options?: CallOptions,
  ): Promise<model.Page> {
    return this.#call(() => calls.list(filter, filter.pageToken ?? ""), options);
  }

  /** Iterates over all notifications that match, newest first, reading page after page as they are used. */
  async *iterate(filter: model.ListFilter = {}, options?: CallOptions): AsyncGenerator<model.Notification, undefined> {
    let pageToken = "";
    do {
      const page = await this.list({ ...filter, pageToken }, options);
      yield* page.notifications;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** Marks as read: either ids, all of one recipient, or a recipient's feed up to a cursor or whole. */
  markRead(what: model.MarkReadTarget, options?: CallOptions): Promise<model.MarkedRead> {
    return this.#call(() => calls.markRead(what), options);
  }

  /** Returns how many notifications in the recipient's feed are unread, and as of which place in it. */
  countUnread(recipient: model.RecipientLike, options?: CallOptions): Promise<model.UnreadCount> {
    return this.#call(() => calls.countUnread(recipient), options);
  }

  /** Follows a recipient's feed live, from after `cursor` or, without it, from now on. */
  subscribe(recipient: model.RecipientLike, options: SubscribeOptions = {}): Subscription {
    this.#scope.throwIfClosed();
    const { reconnect, silenceMs, warn } = this.#settings;
    const renewable = typeof this.#token === "function";
    return new Subscription(recipient, options, {
      connection: this.#connection,
      scope: this.#scope,
      path: calls.pathOf(NotificationService.method.subscribe),
      token: this.#token,
      resumption: new Resumption(recipient, options.cursor ?? "", reconnect, renewable),
      silenceMs,
      warn,
    });
  }

  // -- deciding -------------------------------------------------------------------------------------

  /** Takes notifications that wait for a decision, under leases. With `waitMs` it resolves as soon as there is one. */
  leaseUndecided(options: decisions.LeaseOptions & CallOptions = {}): Promise<decisions.Undecided[]> {
    const timeoutMs = options.timeoutMs ?? this.#settings.timeoutMs + (options.waitMs ?? 0);
    return this.#call(() => calls.leaseUndecided(options), { timeoutMs, signal: options.signal });
  }

  /** Decides the channels of a notification that was sent with `deferred`. Repeating the same decision is harmless. */
  route(id: string, decision: decisions.RouteOptions, options?: CallOptions): Promise<model.Notification> {
    return this.#call(() => calls.route(id, decision), options);
  }

  /** Decides later: nobody is given it until then, and the server's rules still decide at its `routeBy`. */
  hold(id: string, decision: decisions.HoldOptions, options?: CallOptions): Promise<model.Notification> {
    return this.#call(() => calls.route(id, decision), options);
  }

  /** Decides to send nothing: the notification fails. */
  suppress(id: string, grounds: decisions.Grounds = {}, options?: CallOptions): Promise<model.Notification> {
    return this.#call(() => calls.route(id, { ...grounds, suppress: true }), options);
  }

  /**
   * Tells what would become of a decision for channels if it were made now: which of them policies leave. Rejects with
   * the error with which `route` would.
   */
  preview(id: string, decision: decisions.RouteOptions, options?: CallOptions): Promise<decisions.Preview> {
    return this.#call(() => calls.preview(id, decision), options);
  }

  /** Returns who decided about a notification, oldest first. */
  explain(id: string, options?: CallOptions): Promise<decisions.Decision[]> {
    return this.#call(() => calls.explain(id), options);
  }

  /** Tells what would be decided about a draft that is not sent, by these rules (TOML) or those in force. */
  simulate(
    draft: model.Draft,
    options: CallOptions & { readonly rules?: string | undefined } = {},
  ): Promise<decisions.Simulation> {
    return this.#call(() => calls.simulate(draft, options.rules ?? ""), options);
  }

  /** Tells what rules would have decided for the newest stored notifications, against what was decided. */
  backtest(options: decisions.BacktestOptions & CallOptions = {}): Promise<decisions.Backtest> {
    return this.#call(() => calls.backtest(options), options);
  }

  /** Tells as whom the caller is known, and what its token allows. */
  whoAmI(options?: CallOptions): Promise<decisions.Caller> {
    return this.#call(() => calls.whoAmI(), options);
  }

  // -- contacts -------------------------------------------------------------------------------------

  /** Creates or replaces, as a whole, how a registered recipient can be reached. */
  putContact(contact: model.ContactDraft, options?: CallOptions): Promise<model.Contact> {
    return this.#call(() => calls.putContact(contact), options);
  }

  /** Returns a recipient's contact. */
  getContact(recipient: model.RecipientLike, options?: CallOptions): Promise<model.Contact> {
    return this.#call(() => calls.getContact(recipient), options);
  }

  /** Deletes a recipient's contact; rejects with a {@link ContactNotFoundError} if there is none. */
  async deleteContact(recipient: model.RecipientLike, options?: CallOptions): Promise<void> {
    await this.#call(() => calls.deleteContact(recipient), options);
  }

  /** Iterates over all contacts, of one type of recipient or of all, reading page after page as they are used. */
  async *listContacts(
    filter: { readonly recipientType?: model.RecipientType | undefined; readonly pageSize?: number | undefined } = {},
    options?: CallOptions,
  ): AsyncGenerator<model.Contact, undefined> {
    let pageToken = "";
    do {
      const token = pageToken;
      const page = await this.#call(() => calls.listContacts(filter.recipientType, filter.pageSize, token), options);
      yield* page.contacts;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  // -- the connection -------------------------------------------------------------------------------

  /**
   * Makes any unary call with messages of protobuf, such as
   * `client.call(NotificationService.method.get, { id })`; `tocsin-client/protos/…` has the services and messages.
   * Repeated only with `repeatable`.
   */
  call<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    options: CallOptions & { readonly repeatable?: boolean | undefined } = {},
  ): Promise<MessageShape<Output>> {
    const described = (): Call<MessageShape<Output>> =>
      calls.call(method, request, (answer) => answer, options.repeatable ?? false);
    return this.#call(described, options);
  }

  /**
   * Makes any call that answers with a stream, such as `client.stream(OperatorService.method.export, { recipient })`,
   * with messages of protobuf. It is not repeated, and has no deadline but its signal.
   */
  async *stream<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodServerStreaming<Input, Output>,
    request: MessageInitShape<Input>,
    options: Pick<CallOptions, "signal"> = {},
  ): AsyncGenerator<MessageShape<Output>, undefined> {
    const running = this.#scope.enter(options.signal);
    let opened: MessageStream | undefined;
    try {
      const bearer = await currentToken(this.#token, this.#settings.timeoutMs, running.signal);
      const bytes = toBinary(method.input, create(method.input, request));
      opened = new MessageStream(this.#connection.stream(calls.pathOf(method), bytes, bearer));
      for (;;) {
        const message = await opened.next(LONGEST, running.signal);
        if (message === undefined) return undefined;
        yield fromBinary(method.output, message);
      }
    } finally {
      opened?.cancel();
      running.leave();
    }
  }

  /** Returns a client that uses this one's connection with another token. Closing it leaves the connection open. */
  withToken(token: Token | undefined): Client {
    this.#scope.throwIfClosed();
    return new Client(new Shared(this.#connection, this.#settings), { token });
  }

  /** Ends subscriptions and calls, and closes the connection. May be called repeatedly. */
  close(): Promise<void> {
    this.#scope.close(new ClosedError("the client is closed"));
    if (this.#ownsConnection) this.#connection.close();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #call<Answer>(describe: () => Call<Answer>, options: CallOptions = {}): Promise<Answer> {
    const { retry, timeoutMs } = this.#settings;
    const limit = Math.min(options.timeoutMs ?? timeoutMs, LONGEST);
    if (!(limit > 0)) throw new RangeError(`timeoutMs is ${limit}: give milliseconds, more than 0`);
    const call = describe();
    return this.#scope.run(options.signal, (signal) =>
      carryOut(this.#connection, call, this.#token, retry, limit, signal),
    );
  }
}

function connect(address: string | readonly string[], options: ClientOptions): Shared {
  const tls = options.tls === true ? {} : options.tls || undefined;
  return new Shared(new Connection(target(address), tls, options.channelOptions ?? {}), {
    timeoutMs: options.timeoutMs ?? 10_000,
    retry: { ...CALL_BACKOFF, ...options.retry },
    reconnect: { ...STREAM_BACKOFF, ...options.reconnect },
    silenceMs: options.silenceMs ?? 60_000,
    warn: options.onWarning ?? warn,
  });
}

function warn(message: string): void {
  process.emitWarning(message, { type: "TocsinWarning" });
}
