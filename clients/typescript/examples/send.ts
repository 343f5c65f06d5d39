/** Sends a notification, and shows what an error tells. */
// quote: send
import { Client } from "tocsin-client";

const tocsin = new Client(process.env.TOCSIN_SERVER ?? "127.0.0.1:50051");

const { notification, duplicate } = await tocsin.send({
  recipient: { type: "user", id: "0190a5d0-0000-7000-8000-000000000001" },
  title: "Your order has shipped",
  message: "It arrives on Friday.",
  channels: ["websocket", { channel: "email", address: "ann@example.org" }],
  metadata: { order_id: "ABC123" },
  idempotencyKey: "order-ABC123-shipped",
});
console.log(notification.id, duplicate ? "was stored before" : "is stored");
// end of quote

// quote: errors
import { InvalidFieldError } from "tocsin-client";

try {
  await tocsin.send({
    recipient: "guest",
    title: "Your code",
    message: "824193",
    channels: [{ channel: "sms", address: "not a number" }],
  });
} catch (error) {
  if (!(error instanceof InvalidFieldError)) throw error;
  for (const { field, description } of error.violations) console.log(`${field}: ${description}`);
}
// end of quote

await tocsin.close();
