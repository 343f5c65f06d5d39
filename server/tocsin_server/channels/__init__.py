"""The ways out: one folder per channel, each of which makes single attempts and tells how they ended.

`sender` is what the delivery engine sees: the `Sender` protocol, `Attempt` and `Outcome`, whose facts `bounds` bounds.
All that a channel knows is in its folder: `channel` is what it tells the rest of the server (a `definition`),
`address` the form of its addresses, `sender` talks to the provider by one vendor's library, which nothing else
imports, and `answers` is the pure table of what its answers mean, in terms of `verdict`. `registry` lists the channels
and turns the settings into senders. `outbox` stands in for all of them in development mode.
"""
