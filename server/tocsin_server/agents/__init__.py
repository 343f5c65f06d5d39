"""Agents: a server of the Model Context Protocol, through which language models decide what was deferred.

It is a client of the gRPC API like any other, through `tocsin_client`, and has no rights but those of the token with
which each call is made: its own over stdio, over HTTP that of whoever calls. Whatever a model is talked into, policies,
known addresses and scopes are looked after by the server behind.

- `server` — the protocol's server: which tools a caller is shown, and what every call of one goes through.
- `deciding_tools`, `reading_tools`, `sending_tools` — the tools. Their docstrings are what models read.
- `results` — what they answer, and how much of it; `outside` — texts of strangers, as data.
- `wording` — errors as sentences that a model can act on.
- `callers` — who calls; `rate_limit` — how often.
- `serving` — stdio and HTTP; `gone` — callers over HTTP who hang up.
"""
