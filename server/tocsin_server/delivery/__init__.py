"""The life of a channel row, from due to settled.

`retry`, `outcomes` and `breaker` decide and are pure. `lane` does the work of one channel on a sender thread of its
own, with `places` for so many rows, `leases` on them, `attempts` at the providers and a `recorder` of what came of it.
`dispatcher` holds the lanes together. (The websocket channel has no lane: its delivery is the entry into the
recipient's feed, which `tocsin_server.maintenance` sees to.)

A row's way::

    pending, due ──claim──▶ leased ──send──▶ accepted ─────────────▶ sent
        ▲                     │  ├─────────▶ transient, unknown ───▶ pending again, later (or failed: budget used)
        │                     │  ├─────────▶ throttled, breaker ───▶ pending again, later, attempt not counted
        │                     │  └─────────▶ permanent, expired ───▶ failed
        └──release at stop────┘
        └──lease ran out: the next claim counts one attempt of unknown outcome
"""
