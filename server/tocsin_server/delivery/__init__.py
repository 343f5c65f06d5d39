"""The life of a channel row, from due to settled.

`retry`, `outcomes` and `breaker` decide and are pure; `lane` does the work of one channel on a sender thread of its
own; `dispatcher` holds the lanes together; `feed_entry` is the clock of the websocket channel, whose delivery is the
entry into the recipient's feed.

A row's way::

    pending, due ──claim──▶ leased ──send──▶ accepted ─────────────▶ sent
        ▲                     │  ├─────────▶ transient, unknown ───▶ pending again, later (or failed: budget used)
        │                     │  ├─────────▶ throttled, breaker ───▶ pending again, later, attempt not counted
        │                     │  └─────────▶ permanent, expired ───▶ failed
        └──release at stop────┘
        └──lease ran out: the next claim counts one attempt of unknown outcome
"""
