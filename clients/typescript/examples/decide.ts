/** Decides by which channels to send what its senders left open. */
// quote: decide
import { Client, FailedPreconditionError, type ChannelType, type Undecided } from "tocsin-client";

const PREFERRED: ChannelType[] = ["telegram", "email", "sms"];

/** Chooses among what is allowed: the feed, and beside it the first of our preferences if much is unread. */
function channelsFor({ allowed, context }: Undecided): ChannelType[] {
  const feed = allowed.filter((channel) => channel === "websocket");
  const others = PREFERRED.filter((channel) => allowed.includes(channel)).slice(0, 1);
  return feed.length > 0 && context.unreadCount < 3 ? feed : [...feed, ...others];
}

const tocsin = new Client(process.env.TOCSIN_SERVER ?? "127.0.0.1:50051", { token: process.env.TOCSIN_TOKEN });

for (;;) {
  // Resolves as soon as there is something; others who run this program get what we do not.
  for (const one of await tocsin.leaseUndecided({ maxCount: 10, waitMs: 30_000 })) {
    const { id, title } = one.notification;
    const grounds = { leaseToken: one.leaseToken, reason: `${one.context.unreadCount} unread`, decider: "decide.ts 1" };
    const channels = channelsFor(one);
    try {
      if (channels.length > 0) await tocsin.route(id, { channels, ...grounds });
      else await tocsin.suppress(id, grounds);
      console.log(title, "->", channels.join(", ") || "nothing");
    } catch (error) {
      // Cancelled meanwhile, or the lease was over: somebody else decides.
      if (!(error instanceof FailedPreconditionError)) throw error;
      console.log(title, "->", error.reason);
    }
  }
}
// end of quote
