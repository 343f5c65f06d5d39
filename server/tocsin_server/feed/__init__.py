"""The promises to subscribers: a live feed per recipient that can be resumed without a gap.

`cursor` writes and reads the opaque cursor, `items` are what streams consist of. `hub` hands committed events to the
`mailbox` of each stream of this process, `reading` knows where a stream stands and reads on, within the budget of
`replay`, and `stream` turns both into one sequence. `settlement` records what was received. `bus` carries hints of
events between processes, by PostgreSQL or NATS; `bus.choice` makes the one that a URL means. The store is the truth and
live events are only a faster way to it: wherever a stream finds that an event is missing, it reads again.

What waits in memory for slow subscribers is bounded in bytes, for each of them and for all: what was read (64 MiB, see
`replay`), live events (16 MiB for a stream, 128 MiB for all, see `mailbox`), and the one event that is being written.
"""
