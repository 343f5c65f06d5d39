"""The bridge: recipients' feeds for browsers, over WebSockets.

A browser cannot speak gRPC with a stream that survives. So this process does it for it: it holds one WebSocket per
tab and, for each, one subscription, all of them on one stream to the server (`tocsin.v1.RelayService`). It is a client
like any other (`tocsin_client`), with no rights of its own: the recipient's token travels on with each subscription,
and the server decides. Its own token (``TOCSIN_BRIDGE_TOKEN``) opens the stream, and nothing else.

- `protocol.frames` (with `members` and `protocol.json_text`) — the frames of both directions and the close codes; pure.
- `origins` — whose pages may connect; pure.
- `admission` — who has a place; `proxies` — where a browser comes from; pure.
- `session` — the life of one WebSocket; `heartbeats` and `backlog` — what is done for all of them together.
- `subscription` — one recipient's feed for one socket; `carrier` — the stream that carries the subscriptions of all
  sockets; `upstream` — the server. What happens comes as `events` from the carrier to the subscription to the session.
- `server` — listening and going away; `pages` — what it shows over plain HTTP, of which `site` is the inbox.
- `health` and `outage` — whether the server is well, and what the log says while it is not reached.
- `metering` — its figures; `demo` (on `sockets`) — development mode's own WebSocket.
- `running` — the bridge as a process: from settings to SIGTERM.
- `child` — the bridge as the child process of ``serve --bridge``.

What holds:

- **A restart of the server is a pause.** The stream is resumed with the cursor; the browser's socket stays open and
  sees neither a gap nor a `subscribed` frame. Only if something cannot be replayed, a further `subscribed` frame says
  ``recovered: false``: list the feed again.
- **A restart of the bridge is a reconnect.** Sockets are closed with 1001; the browser comes back with its cursor.
- **A slow browser costs its own buffer**: the stream is always read, so nobody waits for anybody. What a browser does
  not take waits for it here, until the server has sent its window's worth and stops sending for that subscription; a
  browser that takes too little (`session.SessionTimes`) is closed with 1013. For one socket there wait at most a buffer
  of 32 KiB, a window of 64 KiB, an event beyond it, and an answer, all as text, which is longer; for all of them
  together at most 128 MiB beyond the buffers (`backlog`). Of what a browser sends, five frames of 16 KiB wait, and
  32 KiB in the system.

What it costs: an idle socket 13 KB, and a message about 22 µs of processor time, where a bare WebSocket server takes 13
µs. So does a relay that writes a ready text for each event: what is left is the text, 10 µs, because protobuf gives out
a field at a time. With a gRPC stream for every socket a message took 49 µs.

TLS is a proxy's work, in front of the bridge, and so is telling for whom it connects (`proxies`): each address has a
share of the places. Without that, everybody behind the proxy is one crowd, in which those who say nothing still give
way to newcomers.

Imports: `tocsin_client`, and of the server's packages `config`, `domain`, `process`, `telemetry` and `timing`
only.
"""
