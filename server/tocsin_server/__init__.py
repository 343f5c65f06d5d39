"""The Tocsin server.

What is where, from the outside in:

- `cli` — commands: parse, call, exit.
- `application` — the only place that builds the real things, starts them in order and stops them.
- `bridge` — browsers' WebSockets, served as a gRPC client of the server, in a process of its own.
- `agents` — a server of the Model Context Protocol, by which language models decide; a gRPC client, too.
- `rpc` — the gRPC contract: who may call what, requests to plain values, errors to statuses.
- `intake` — the use cases between an RPC and the store: accept, decide, explain, try rules, cancel, retry.
- `maintenance` — what the clock does.
- `routing` — who decides the channels, and by which address each is reached.
- `delivery` — the life of a channel row: lanes on sender threads, retries, breakers.
- `feed` — the promises to subscribers: replay, live events, cursors.
- `storage` — what is kept: tables, migrations, the group-commit writer, queries.
- `channels` — one sender per provider, and what its answers mean.
- `telemetry` — what the server tells about itself.
- `process` — the life of a process and its parts, child processes and workers, signals, garbage, memory, port.
- `timing` — mechanisms of time, each once.
- `config` — settings.
- `domain` — plain values and the rules on them.

Imports go one way:
``cli → application → {rpc, bridge, agents, maintenance} → intake → {routing, delivery, feed, storage}``.
Those see each other through protocols; `storage`, `channels` and `feed` never import one another, and `domain` needs
the standard library only. ``make imports`` checks this.
"""
