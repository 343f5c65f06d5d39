/** The picture of a feed: order, read state and count, whatever arrives first. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Feed } from "../../../clients/web/feed.js";
import { cursorAt, entered, marked, notification, page, readChanged, shown, subscribed } from "./frames.js";

/** A feed that is subscribed at 10 and has a first page. */
function listed(ids, { next = "", unread = ids.filter((id) => !id.endsWith("*")).length, at = 10 } = {}) {
  const feed = new Feed();
  feed.receive(subscribed(at, unread));
  feed.expectPage();
  feed.page(page(at, ids, next), "");
  return feed;
}

describe("what is new", () => {
  test("stands first and is told, however old its times are", () => {
    const feed = listed(["b", "a"]);
    const { news } = feed.receive(entered(11, 3, "c", { send_at: "2001-01-01T00:00:00Z", created_at: "2000-01-01T00:00:00Z" }));
    assert.equal(news.id, "c");
    assert.deepEqual(shown(feed), ["c", "b", "a"]);
    assert.equal(feed.unreadCount, 3);
  });

  test("stays in the order in which it entered", () => {
    const feed = listed(["a"]);
    feed.receive(entered(11, 2, "b", { created_at: "2030-01-01T00:00:00Z" }));
    feed.receive(entered(12, 3, "c", { created_at: "2020-01-01T00:00:00Z" }));
    assert.deepEqual(shown(feed), ["c", "b", "a"]);
  });

  test("is what entered while this browser was away", () => {
    const feed = listed(["a"]);
    feed.receive(subscribed(10, 3));
    assert.equal(feed.receive(entered(11, 3, "b")).news.id, "b");
    assert.equal(feed.receive(entered(12, 3, "c")).news.id, "c");
    assert.deepEqual(shown(feed), ["c", "b", "a"]);
  });

  test("is not what waited for the first look, which the pages have", () => {
    const feed = new Feed();
    feed.receive(subscribed(2, 5));
    assert.equal(feed.receive(entered(3, 5, "c")).news, null);
    feed.expectPage();
    feed.page(page(6, ["e", "d"], "more"), "");
    assert.equal(feed.receive(entered(4, 5, "d")).news, null);
    assert.equal(feed.receive(entered(5, 5, "e")).news, null);
    assert.deepEqual(shown(feed), ["e", "d"]);
    assert.equal(feed.receive(entered(7, 6, "f")).news.id, "f");
    feed.expectPage();
    feed.page(page(7, ["c", "b", "a"]), "more");
    assert.deepEqual(shown(feed), ["f", "e", "d", "c", "b", "a"]);
  });

  test("is not lost when it comes before the page that was read before it", () => {
    const feed = new Feed();
    feed.receive(subscribed(4, 1));
    feed.expectPage();
    assert.equal(feed.receive(entered(5, 2, "b")).news, null);
    feed.receive(readChanged(6, 1, ["b"]));
    feed.page(page(4, ["a"]), "");
    assert.deepEqual(shown(feed), ["b*", "a"]);
  });

  test("is not told twice when it is known, and replaces what is known", () => {
    const feed = listed(["a"]);
    assert.equal(feed.receive(entered(11, 1, "a", { title: "Other" })).news, null);
    assert.equal(feed.notifications[0].title, "Other");
  });
});

describe("what was read elsewhere", () => {
  test("is told once, by the stream or by a replay", () => {
    const feed = listed(["c", "b", "a"]);
    assert.deepEqual(feed.receive(readChanged(12, 1, ["b", "c", "unknown"])).read, ["b", "c"]);
    assert.deepEqual(feed.receive(readChanged(12, 1, ["b", "c"])).read, []);
    assert.deepEqual(feed.receive(entered(13, 0, "a", { is_read: true })).read, ["a"]);
    assert.deepEqual(shown(feed), ["c*", "b*", "a*"]);
  });

  test("stays read when an older version of it comes", () => {
    const feed = listed(["b", "a"]);
    feed.expectPage();
    feed.receive(readChanged(12, 1, ["b"]));
    feed.page(page(10, ["b", "a"]), "");
    assert.deepEqual(shown(feed), ["b*", "a"]);
    assert.equal(feed.notifications[0].read_at, "2026-02-01T00:00:00Z");
  });

  test("is read on a page that was read before", () => {
    const feed = listed(["c"], { next: "more", unread: 3 });
    feed.expectPage();
    feed.receive(readChanged(12, 2, ["b"]));
    feed.receive(entered(13, 1, "a", { is_read: true, read_at: "2026-02-02T00:00:00Z" }));
    feed.page(page(10, ["b", "a"]), "more");
    assert.deepEqual(shown(feed), ["c", "b*", "a*"]);
  });

  test("has its place from the first page, where only that knows whether it is new or old", () => {
    const feed = listed(["d", "c"], { next: "more", unread: 4 });
    feed.receive(subscribed(10, 3));
    feed.receive(entered(12, 3, "e", { is_read: true }));
    feed.receive(entered(13, 3, "a", { is_read: true }));
    assert.ok(feed.unsure);
    feed.expectPage();
    feed.page(page(12, ["e*", "d"], "other"), "");
    assert.ok(feed.unsure, "the page is older than what has changed");
    feed.expectPage();
    feed.page(page(13, ["e*", "d"], "other"), "");
    assert.ok(!feed.unsure);
    assert.deepEqual(shown(feed), ["e*", "d", "c"]);
    assert.equal(feed.next, "more");
  });
});

describe("the first page once more", () => {
  test("keeps what is loaded behind it, and what entered since", () => {
    const feed = listed(["d", "c", "b", "a"], { next: "more" });
    feed.expectPage();
    feed.receive(entered(12, 6, "f"));
    feed.page(page(11, ["e", "d", "c"], "other"), "");
    assert.deepEqual(shown(feed), ["f", "e", "d", "c", "b", "a"]);
    assert.equal(feed.next, "more");
  });

  test("replaces what is loaded where there would be a hole", () => {
    const feed = listed(["b", "a"], { next: "more" });
    feed.receive(entered(11, 9, "c"));
    feed.expectPage();
    feed.page(page(20, ["k", "j"], "other"), "");
    assert.deepEqual(shown(feed), ["k", "j"]);
    assert.equal(feed.next, "other");
    feed.expectPage();
    feed.page(page(20, ["x"]), "more");
    assert.deepEqual(shown(feed), ["k", "j"], "the page that continued what is gone");
  });

  test("drops what is in the feed no more", () => {
    const feed = listed(["c", "b", "a"]);
    feed.expectPage();
    feed.page(page(11, ["c", "a"]), "");
    assert.deepEqual(shown(feed), ["c", "a"]);
  });

  test("begins anew after what cannot be replayed, in a feed with other cursors", () => {
    const feed = listed(["b", "a"]);
    feed.receive({ ...subscribed(0, 2, { recovered: false }), cursor: cursorAt(3, 5) });
    assert.ok(feed.stale);
    assert.equal(feed.unreadCount, 2);
    assert.equal(feed.receive({ ...entered(0, 3, "z"), cursor: cursorAt(4, 5) }).news, null);
    feed.expectPage();
    feed.page({ ...page(0, ["y", "x"]), cursor: cursorAt(3, 5) }, "");
    assert.deepEqual(shown(feed), ["z", "y", "x"]);
    assert.equal(feed.unreadCount, 3);
    assert.equal(feed.cursor, cursorAt(4, 5));
  });
});

describe("the count", () => {
  test("is that of the newer moment, in whatever order answers and events come", () => {
    for (const answerFirst of [true, false]) {
      const feed = listed(["c", "b", "a"]);
      feed.mark(["a"]);
      const answer = () => feed.marked(marked(11, 2), ["a"]);
      if (answerFirst) answer();
      feed.receive(readChanged(11, 2, ["a"]));
      feed.receive(entered(12, 3, "d"));
      if (!answerFirst) answer();
      assert.equal(feed.unreadCount, 3);
      assert.deepEqual(shown(feed), ["d", "c", "b", "a*"]);
    }
  });

  test("does not fall back to what a replay says of an earlier moment", () => {
    const feed = listed(["b", "a"]);
    feed.receive(subscribed(10, 2));
    feed.mark(["a"]);
    feed.marked(marked(14, 1), ["a"]);
    assert.equal(feed.unreadCount, 1);
    feed.receive(entered(12, 2, "b", { title: "Changed" }));
    assert.equal(feed.unreadCount, 1);
    feed.receive(entered(15, 2, "c"));
    assert.equal(feed.unreadCount, 2);
  });

  test("of a new stream counts, even when its cursor is an old one", () => {
    const feed = listed(["a"]);
    feed.receive(entered(20, 2, "b"));
    feed.receive(subscribed(20, 7));
    assert.equal(feed.unreadCount, 7);
  });

  test("does not count twice what is marked here and was read elsewhere", () => {
    const feed = listed(["b", "a"]);
    feed.mark(["a"]);
    assert.equal(feed.unreadCount, 1);
    feed.receive(readChanged(11, 1, ["a"]));
    assert.equal(feed.unreadCount, 1);
    feed.marked(marked(11, 1), ["a"]);
    assert.equal(feed.unreadCount, 1);
  });

  test("is right although the answer to marking tells no cursor, as an older bridge's does", () => {
    const feed = listed(["b", "a"]);
    feed.mark(["a"]);
    feed.marked({ type: "marked", marked_count: 1, unread_count: 1 }, ["a"]);
    feed.receive(readChanged(11, 1, ["a"]));
    assert.equal(feed.unreadCount, 1);
  });

  test("does not change for what is marked but not loaded, until the server says so", () => {
    const feed = listed(["a"], { unread: 5, next: "more" });
    feed.mark(["elsewhere"]);
    assert.equal(feed.unreadCount, 5);
    feed.receive(readChanged(11, 4, ["elsewhere"]));
    feed.marked(marked(11, 4), ["elsewhere"]);
    assert.equal(feed.unreadCount, 4);
    assert.deepEqual(feed.toMark.ids, []);
  });

  test("is not another feed's, of which something was marked by its id", () => {
    const feed = listed(["b", "a"]);
    feed.mark(["of another feed"]);
    feed.marked({ ...marked(99, 40), cursor: cursorAt(99, 2 ** 40) }, ["of another feed"]);
    assert.equal(feed.unreadCount, 2);
    feed.receive(entered(11, 3, "c"));
    assert.equal(feed.unreadCount, 3);
  });

  test("is never negative", () => {
    const feed = listed(["b", "a"]);
    feed.receive(subscribed(10, 0));
    feed.mark(["a", "b"]);
    assert.equal(feed.unreadCount, 0);
  });
});

test("the place to resume from does not go back", () => {
  const feed = listed(["a"]);
  feed.receive(entered(12, 2, "b"));
  feed.receive({ type: "heartbeat", cursor: cursorAt(11) });
  assert.equal(feed.cursor, cursorAt(12));
  feed.receive({ type: "kind to come" });
  assert.equal(feed.cursor, cursorAt(12));
  feed.receive({ ...subscribed(0, 0, { recovered: false }), cursor: cursorAt(1, 5) });
  assert.equal(feed.cursor, cursorAt(1, 5));
});

describe("marking everything", () => {
  test("shows nothing as unread, and what enters later is", () => {
    const feed = listed(["b", "a"], { unread: 9, next: "more" });
    assert.deepEqual(feed.markAll(), ["b", "a"]);
    assert.equal(feed.unreadCount, 0);
    feed.receive(entered(11, 10, "c"));
    assert.equal(feed.unreadCount, 1);
    assert.deepEqual(shown(feed), ["c", "b*", "a*"]);
    feed.expectPage();
    feed.page(page(11, ["z"]), "more");
    assert.deepEqual(shown(feed), ["c", "b*", "a*", "z*"]);
  });

  test("without a connection ends as the server's count, whatever was read elsewhere meanwhile", () => {
    const feed = listed(["b", "a"], { unread: 9, next: "more" });
    feed.markAll();
    const { all } = feed.toMark;
    assert.equal(all.cursor, cursorAt(10));
    // Meanwhile four were read on another device, and two more came.
    feed.receive(subscribed(10, 7));
    assert.equal(feed.unreadCount, 0);
    feed.receive(entered(15, 7, "c"));
    feed.receive(entered(16, 7, "d"));
    assert.equal(feed.unreadCount, 2);
    feed.marked(marked(21, 2), all);
    assert.equal(feed.unreadCount, 2);
    assert.deepEqual(shown(feed), ["d", "c", "b*", "a*"]);
    assert.equal(feed.toMark.all, null);
  });

  test("which changed nothing at the server ends as its count, too", () => {
    const feed = listed(["a"]);
    feed.markAll();
    feed.receive(subscribed(10, 1));
    feed.receive(readChanged(11, 0, ["a"]));
    feed.marked(marked(11, 0), feed.toMark.all);
    assert.equal(feed.unreadCount, 0);
    feed.receive(entered(12, 1, "b"));
    assert.equal(feed.unreadCount, 1);
  });

  test("means what the list shows, even when events are behind it", () => {
    const feed = new Feed();
    feed.receive(subscribed(3, 2));
    feed.expectPage();
    feed.page(page(9, ["b", "a"]), "");
    feed.markAll();
    assert.equal(feed.toMark.all.cursor, cursorAt(9));
  });

  test("once more covers what came since", () => {
    const feed = listed(["a"]);
    feed.markAll();
    const first = feed.toMark.all;
    feed.receive(entered(11, 2, "b"));
    assert.deepEqual(feed.markAll(), ["b"]);
    assert.equal(feed.unreadCount, 0);
    feed.marked(marked(12, 1), first);
    assert.equal(feed.unreadCount, 0, "the second is not confirmed yet");
    feed.marked(marked(13, 0), feed.toMark.all);
    assert.equal(feed.unreadCount, 0);
    assert.deepEqual(shown(feed), ["b*", "a*"]);
  });

  test("is nothing to do where nothing is unread", () => {
    assert.equal(listed(["a*"]).markAll(), null);
    assert.equal(new Feed().markAll(), null);
  });

  test("is not believed of what only a later first page tells of", () => {
    const feed = listed(["a"]);
    feed.markAll();
    feed.receive(subscribed(30, 2, { recovered: false }));
    feed.expectPage();
    feed.page(page(30, ["c", "a"]), "");
    assert.deepEqual(shown(feed), ["c", "a*"]);
  });
});

describe("what the server refuses to mark", () => {
  test("is unread again", () => {
    const feed = listed(["b", "a"]);
    assert.deepEqual(feed.mark(["a", "a", "b"]), ["a", "b"]);
    assert.deepEqual(feed.mark(["a"]), []);
    assert.deepEqual(feed.refused(["a"]), ["a"]);
    assert.deepEqual(shown(feed), ["b*", "a"]);
    assert.equal(feed.unreadCount, 1);
  });

  test("stays read if it was read elsewhere", () => {
    const feed = listed(["b", "a"]);
    feed.mark(["a"]);
    feed.receive(readChanged(11, 1, ["a"]));
    assert.deepEqual(feed.refused(["a"]), []);
    assert.deepEqual(shown(feed), ["b", "a*"]);
  });

  test("may be everything", () => {
    const feed = listed(["b", "a*"], { unread: 4, next: "more" });
    feed.markAll();
    assert.deepEqual(feed.refused(feed.toMark.all), ["b"]);
    assert.equal(feed.unreadCount, 4);
    assert.deepEqual(shown(feed), ["b", "a*"]);
  });
});

test("objects are replaced when they change, and only then", () => {
  const feed = listed(["b", "a"]);
  const [b, a] = feed.notifications;
  feed.mark(["a"]);
  assert.equal(feed.notifications[0], b);
  assert.notEqual(feed.notifications[1], a);
  assert.equal(a.is_read, false);
});

/**
 * A server, a stream that lags behind it, and answers that overtake it: whatever the order, the end is the server's.
 */
test("in any interleaving everything ends as the server has it", () => {
  for (let seed = 1; seed <= 2000; seed++) interleave(seed);
});

function interleave(seed) {
  let state = seed;
  const random = (below) => (state = (state * 48_271) % 2_147_483_647) % below;
  const server = { order: [], read: new Set(), sequence: 0 };
  const unread = () => server.order.length - server.read.size;
  let stream = [];
  let answers = [];
  const feed = new Feed();

  const change = (ids) => {
    const fresh = ids.filter((id) => server.order.includes(id) && !server.read.has(id));
    for (const id of fresh) server.read.add(id);
    server.sequence += fresh.length;
    if (fresh.length) stream.push(readChanged(server.sequence, unread(), fresh));
  };
  const enter = () => {
    const id = `n${server.order.length}`;
    server.order.unshift(id);
    server.sequence++;
    stream.push(entered(server.sequence, unread(), id, { send_at: random(2) ? "2001-01-01T00:00:00Z" : null }));
  };
  /** @param {string} token */
  const list = (token) => {
    feed.expectPage();
    const from = token ? Number(token) : server.order.length;
    const ids = server.order.slice(server.order.length - from).slice(0, 3);
    const rest = from - ids.length;
    const frame = page(server.sequence, ids.map((id) => id + (server.read.has(id) ? "*" : "")), rest > 0 ? `${rest}` : "");
    answers.push(() => feed.page(frame, token));
  };
  const entrySequence = new Map();
  const mark = () => {
    const { ids, all } = feed.toMark;
    if (all) {
      const upTo = [...entrySequence].filter(([, cursor]) => cursor <= sequenceOf(all.cursor)).map(([id]) => id);
      change(upTo);
    } else if (ids.length) change(ids);
    else return;
    const frame = marked(server.sequence, unread());
    const what = all ?? ids;
    answers.push(() => feed.marked(frame, what));
  };
  const resume = () => {
    // A replay: the latest state of what changed behind the cursor, all with the count of now.
    answers = [];
    const behind = new Map();
    for (const frame of stream) {
      for (const id of frame.ids ?? [frame.notification.id]) {
        behind.delete(id);
        behind.set(id, frame.cursor);
      }
    }
    // Within one change of several each has a place of its own.
    const places = [...behind.keys()];
    const head = server.sequence;
    stream = places.map((id, index) =>
      entered(head - (places.length - 1 - index), unread(), id, { is_read: server.read.has(id) }),
    );
    feed.receive({ type: "subscribed", recovered: true, cursor: feed.cursor || cursorAt(0), unread_count: unread() });
    pagesLost();
  };
  const resumeWithAHole = () => {
    answers = [];
    stream = [];
    feed.receive(subscribed(server.sequence, unread(), { recovered: false }));
    pagesLost();
  };
  let pages = 0;
  const pagesLost = () => {
    for (; pages; pages--) feed.missPage();
  };

  feed.receive(subscribed(0, 0));
  for (let step = 0; step < 60; step++) {
    const before = server.order.length;
    switch (random(9)) {
      case 0: case 1: enter(); break;
      case 2: change([`n${random(10)}`, `n${random(10)}`]); break;
      case 3: if (stream.length) feed.receive(stream.shift()); break;
      case 4: if (answers.length) { answers.shift()(); } break;
      case 5: if (!pages) { pages++; list(feed.stale ? "" : feed.next); const last = answers.pop(); answers.push(() => { pages--; last(); }); } break;
      case 6: if (server.order.length) feed.mark([`n${random(server.order.length)}`]); if (!answers.length) mark(); break;
      case 7: feed.markAll(); if (!answers.length) mark(); break;
      case 8: [resume, resumeWithAHole, () => {}, () => {}][random(4)](); break;
    }
    if (server.order.length > before) entrySequence.set(server.order[0], server.sequence);
  }
  for (let rounds = 0; rounds < 200; rounds++) {
    while (stream.length) feed.receive(stream.shift());
    while (answers.length) answers.shift()();
    const { ids, all } = feed.toMark;
    if (all || ids.length) mark();
    else if (feed.unsure) list("");
    else if (feed.next) list(feed.next);
    else break;
  }
  const expected = server.order.map((id) => id + (server.read.has(id) ? "*" : ""));
  assert.deepEqual(shown(feed), expected, `seed ${seed}`);
  assert.equal(feed.unreadCount, unread(), `seed ${seed}`);
}

/** The sequence in a cursor. */
function sequenceOf(cursor) {
  return Number(Buffer.from(cursor, "base64url").readBigUInt64BE(9));
}

test("a notification is shown as the server wrote it", () => {
  const feed = listed(["a"]);
  feed.receive(entered(11, 2, "b", { metadata: { order: 7 } }));
  assert.deepEqual(feed.notifications[0], notification("b", { metadata: { order: 7 } }));
});
