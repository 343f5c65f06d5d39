"""The Tocsin server.

What is where, from the outside in:

- `cli` — commands: parse, call, exit.
- `workers` — several serving processes on one port, and the one that looks after them.
- `application` — the only place that builds the real things, starts them in order and stops them.
- `bridge` — browsers' WebSockets, served as a gRPC client of the server, in a process of its own.
- `rpc` — the gRPC contract: requests to plain values, errors to statuses.
- `routing` — who decides the channels, and by which address each is reached.
- `delivery` — the life of a channel row: lanes on sender threads, retries, breakers.
- `feed` — the promises to subscribers: replay, live events, cursors.
- `storage` — what is kept: tables, migrations, the group-commit writer, queries.
- `channels` — one sender per provider, and what its answers mean.
- `telemetry` — what the server tells about itself.
- `deadlines` — time-outs of many things by one timer.
- `processes`, `signals`, `garbage` — child processes, and this one's own start and end.
- `config`, `model`, `responses`, `addresses`, `errors`, `clock` — settings, plain values, rules on them.

Imports go one way: ``cli → workers → application → {rpc, bridge, delivery, feed, routing, storage, channels}``. Those
see each other through protocols; `storage`, `channels` and `feed` never import one another, and `model`, `errors` and
`clock` need the standard library only. ``make imports`` checks this.
"""
