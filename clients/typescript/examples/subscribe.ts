/** Follows a feed, and goes on where it stopped when it is started again. */
// quote: subscribe
import { readFile, rename, writeFile } from "node:fs/promises";
import { Client } from "tocsin-client";

const USER = "user:0190a5d0-0000-7000-8000-000000000001";

const tocsin = new Client(process.env.TOCSIN_SERVER ?? "127.0.0.1:50051");

const cursor = await readFile("cursor", "utf8").catch(() => "");
for await (const event of tocsin.subscribe(USER, { cursor })) {
  if (event.type === "subscribed" && !event.recovered) {
    console.log("too long away: list the feed again");
  } else if (event.type === "notification") {
    console.log(`${event.notification.title} (${event.unreadCount} unread)`);
  }
  // Once the event is dealt with; whole or not at all, whenever this program ends.
  await writeFile("cursor.new", event.cursor);
  await rename("cursor.new", "cursor");
}
// end of quote
