"""The bridge: recipients' feeds for browsers, over WebSockets.

A browser cannot speak gRPC with a stream that survives. So this process does it for it: it holds one WebSocket per
tab and, for each, one `Subscribe` stream to the server, over a connection that all of them share. It is a client like
any other (`tocsin_client`), with no rights of its own: the recipient's token travels on, and the server decides.

- `frames` (with `members` and `json_text`) — the frames of both directions and the close codes; pure.
- `origins` — whose pages may connect; pure.
- `session` — the life of one WebSocket; `batch` and `heartbeats` — what is done for all of them together.
- `upstream` — the way to the server.
- `server` — listening, limits, going away; `pages` — what it shows over plain HTTP.
- `running` (with `files`) — the bridge as a process: from settings to SIGTERM.
- `child` — the bridge as the child process of ``serve --bridge``.

What holds:

- **A restart of the server is a pause.** The stream is resumed with the cursor; the browser's socket stays open and
  sees neither a gap nor a `subscribed` frame. Only if something cannot be replayed, a further `subscribed` frame says
  ``recovered: false``: list the feed again.
- **A restart of the bridge is a reconnect.** Sockets are closed with 1001; the browser comes back with its cursor.
- **A slow browser costs its own buffer**: frames are written one after the other, and reading its stream waits for
  that; a browser that takes too little (`session.SessionTimes`) is closed with 1013. Memory is bounded by
  the number of sockets times (one buffer of 32 KiB, two events, an answer).

What it costs, and what it would take to cost less: a message takes about 44 µs of processor time and an idle socket 38
KB, where a bare WebSocket server takes 13 µs and 14 KB. Most of the difference, 27 µs and 23 KB, is the price of a gRPC
stream for every socket; to make the text takes 9 µs. If one stream brought the events of many sockets, 20 at a time, a
message would take 27 µs in all. But that is another RPC, in which each socket's token has to be checked and run out,
and each slow socket be held back, apart from the others. To share a stream among the sockets of one recipient that have
the same token would need no RPC, and gain little: pages mostly have tokens of their own, and come with different
cursors, so that each needs a stream of its own until it has caught up, and a buffer from then on.

TLS is a proxy's work, in front of the bridge. So is limiting sockets per address: behind a proxy all come from one.

Imports: `tocsin_client`, and of the server's packages `config`, `errors`, `processes`, `signals` and `telemetry` only.
"""
