"""The only place that builds the real things, starts them in order, and stops them in the reverse order.

- `parts` — what a server is made of; a service, a job of the clock or a listener more is a line there.
- `workers` — ``serve --workers N``: several serving processes, kept running by one that serves nobody.
- `serving` — the order: parts are started, serve until told to stop, and are stopped.
- `checking` — what is wrong with the settings, before anything is opened.
"""

from tocsin_server.application.serving import Running, prepare, serve, server

__all__ = ["Running", "prepare", "serve", "server"]
