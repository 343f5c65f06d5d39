"""The promises to subscribers: a live feed per recipient that can be resumed without a gap.

`cursor` writes and reads the opaque cursor, `items` are what streams consist of, `hub` hands committed events to the
streams of this process, `stream` turns replay and live events into one sequence, `settlement` records what was
received. `bus` carries hints of events between processes, by `bus_postgresql` or `bus_nats`; `buses` makes the one that
a URL means. The store is the truth and live events are only a faster way to it: wherever a stream finds that an event
is missing, it reads again.
"""
