/** Keeps how a recipient can be reached. */
// quote: contacts
import { Client } from "tocsin-client";

const tocsin = new Client(process.env.TOCSIN_SERVER ?? "127.0.0.1:50051");

await tocsin.putContact({
  recipient: "user:ext:42",
  addresses: { email: "ann@example.org", sms: "+442079460000" },
  locale: "pt-BR",
  timeZone: "Europe/Lisbon",
});
for await (const { recipient, addresses, locale, timeZone } of tocsin.listContacts({ recipientType: "user" })) {
  console.log(recipient.externalId ?? recipient.id, addresses.email, locale, timeZone);
}
await tocsin.close();
// end of quote
