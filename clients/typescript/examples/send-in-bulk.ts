/** Sends many, each with a promise of its own. */
// quote: bulk
import { Client, TocsinError } from "tocsin-client";

const tocsin = new Client(process.env.TOCSIN_SERVER ?? "127.0.0.1:50051");
const sender = tocsin.batchSender();

for (let order = 1; order <= 2_000; order += 1) {
  await sender.ready; // waits only when more is given than gets through
  sender
    .send({
      recipient: { type: "user", externalId: `customer-${order % 100}` },
      title: `Order ${order} has shipped`,
      message: "It arrives on Friday.",
      channels: ["websocket"],
      idempotencyKey: `order-${order}-shipped`,
    })
    .catch((error: unknown) => {
      if (!(error instanceof TocsinError)) throw error;
      console.error(`order ${order}: ${error.message}`);
    });
}
await sender.close(); // once everything is stored or refused
console.log((await tocsin.countUnread("user:ext:customer-7")).unreadCount, "unread for customer 7");
await tocsin.close();
// end of quote
