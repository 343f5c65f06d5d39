"""The options of commands, as the command line reads and explains them. What they hold is read by `arguments`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# -- send ----------------------------------------------------------------------------------------

To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="RECIPIENT",
        help="user:UUID, guest:UUID, potential_customer:UUID, partner:UUID or other:UUID; user:ext:ID and so on for "
        "an id of your own that is no UUID; without either somebody who is not registered, whom only addresses reach.",
    ),
]
Title = Annotated[str, typer.Option("--title", metavar="TEXT", help="One line, up to 255 characters.")]
Message = Annotated[str, typer.Option("--message", metavar="TEXT", help="The text; - reads it from stdin.")]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--channel",
        metavar="CHANNEL[=ADDRESS]",
        help="websocket, email, telegram or sms, with an address if none is known; repeat it for several. "
        "Without any, the server's routing rules decide.",
        show_default=False,
    ),
]
Chosen = Annotated[
    list[str] | None,
    typer.Option(
        "--channel",
        metavar="CHANNEL[=ADDRESS]",
        help="What to send through: websocket, email, telegram or sms; repeat it for several.",
        show_default=False,
    ),
]
Addresses = Annotated[
    list[str] | None,
    typer.Option(
        "--address",
        metavar="CHANNEL=ADDRESS",
        help="A known address, for whoever decides about the channels; repeatable.",
        show_default=False,
    ),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata",
        metavar="JSON|KEY=VALUE",
        help="A JSON object, such as '{\"total\": 600}', or KEY=VALUE, whose value is a text also where it looks like "
        "a number; repeatable.",
        show_default=False,
    ),
]
Category = Annotated[
    str,
    typer.Option(
        "--category",
        metavar="WORD",
        help="What kind of notification it is, such as order.shipped; rules and policies go by it.",
        show_default=False,
    ),
]
Key = Annotated[
    str,
    typer.Option(
        "--key",
        metavar="KEY",
        help="Idempotency key: sending again with the same key and content changes nothing.",
        show_default=False,
    ),
]
SendAt = Annotated[
    str,
    typer.Option("--send-at", metavar="TIME", help="When to start sending; now if left out.", show_default=False),
]
ExpiresAt = Annotated[str, typer.Option("--expires-at", metavar="TIME", help="When to give up.", show_default=False)]
Strategy = Annotated[
    str,
    typer.Option(
        "--strategy",
        metavar="parallel|fallback",
        help="All channels at once (the default), or one after the other in the order given, until it is read.",
        show_default=False,
    ),
]
EscalateAfter = Annotated[
    str,
    typer.Option(
        "--escalate-after",
        metavar="DURATION",
        help="With fallback: how long a channel may stay unread before the next one; without it, only failure "
        "leads on.",
        show_default=False,
    ),
]
Goal = Annotated[
    str,
    typer.Option(
        "--goal",
        metavar="read|sent",
        help="With fallback: when no further channel is tried. When it is read (the default), or once one was sent.",
        show_default=False,
    ),
]
Defer = Annotated[
    bool,
    typer.Option(
        "--defer",
        help="Leave the channels to an agent that decides later.",
        show_default=False,
    ),
]
RouteBy = Annotated[
    str,
    typer.Option(
        "--route-by",
        metavar="TIME",
        help="With --defer: when the rules decide if nobody has; in one hour if left out.",
        show_default=False,
    ),
]
Wait = Annotated[
    bool,
    typer.Option(
        "--wait",
        help="Wait until no channel is pending any more; exit with 2 if the notification failed. A websocket "
        "channel is pending until its recipient connects.",
        show_default=False,
    ),
]
Timeout = Annotated[
    str,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        help="With --wait: how long at most; exit with 3 if something is pending then.",
        show_default=False,
    ),
]

# -- list ----------------------------------------------------------------------------------------

OnlyOf = Annotated[
    str, typer.Option("--to", metavar="RECIPIENT", help="Only this one's: user:UUID ...", show_default=False)
]
OnlyFeed = Annotated[
    bool, typer.Option("--feed", help="Only what is in the feed of --to, in its order.", show_default=False)
]
OnlyUnread = Annotated[bool, typer.Option("--unread", help="Only what is unread.", show_default=False)]
OnlyUnrouted = Annotated[
    bool,
    typer.Option(
        "--unrouted",
        help="Only what waits for a decision about its channels.",
        show_default=False,
    ),
]
OnlyStatus = Annotated[
    list[str] | None,
    typer.Option("--status", metavar="STATUS", help="pending, sent or failed; repeatable.", show_default=False),
]
OnlyFailed = Annotated[bool, typer.Option("--failed", help="The same as --status failed.", show_default=False)]
OnlyChannel = Annotated[
    list[str] | None,
    typer.Option("--channel", metavar="CHANNEL", help="Only what has this channel; repeatable.", show_default=False),
]
OnlyCategory = Annotated[
    str,
    typer.Option(
        "--category",
        metavar="WORD",
        help="Only this category; order.* is every one below order.",
        show_default=False,
    ),
]
Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="Only what was created then or later.", show_default=False)
]
Before = Annotated[
    str, typer.Option("--before", metavar="TIME", help="Only what was created before.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many to show.")]
All = Annotated[bool, typer.Option("--all", help="Show all that match.", show_default=False)]

# -- contact -------------------------------------------------------------------------------------

Whose = Annotated[
    str, typer.Option("--to", metavar="RECIPIENT", help="Whose contact: user:UUID, user:ext:ID ...", show_default=False)
]
Email = Annotated[str, typer.Option("--email", metavar="ADDRESS", help="A mailbox.", show_default=False)]
Sms = Annotated[str, typer.Option("--sms", metavar="NUMBER", help="A phone number, such as +442079460000.")]
Telegram = Annotated[str, typer.Option("--telegram", metavar="CHAT", help="A chat id, or a name such as @example.")]
Locale = Annotated[str, typer.Option("--locale", metavar="TAG", help="Language and region, such as pt-BR.")]
TimeZone = Annotated[str, typer.Option("--time-zone", metavar="NAME", help="Such as Europe/Lisbon.")]
OfType = Annotated[
    str,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="Only these: user, guest, potential_customer, partner or other.",
        show_default=False,
    ),
]

# -- serve, bridge, migrate ----------------------------------------------------------------------

Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="Where notifications are kept: sqlite:///FILE or postgresql://...  [env var: TOCSIN_DATABASE_URL; "
        "default: sqlite:///tocsin.db]",
    ),
]
Rules = Annotated[
    Path | None,
    typer.Option("--rules", metavar="FILE", help="Rules and policies.  [env var: TOCSIN_RULES]", show_default=False),
]
Listen = Annotated[
    str | None,
    typer.Option(
        "--listen",
        metavar="HOST:PORT",
        help="Where to serve gRPC; port 0 takes any.  [env var: TOCSIN_LISTEN; default: 127.0.0.1:50051]",
    ),
]
Dev = Annotated[
    bool,
    typer.Option("--dev", help="Development mode: channels without a provider write to the folder TOCSIN_OUTBOX."),
]
Bridge = Annotated[
    bool, typer.Option("--bridge", help="Run a bridge for browsers beside the server, at TOCSIN_BRIDGE_LISTEN.")
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Allow listening beyond this machine without TLS and authentication.")
]
Migrate = Annotated[bool, typer.Option("--migrate/--no-migrate", help="Bring the database's schema up to date first.")]
Workers = Annotated[
    int,
    typer.Option(
        "--workers", metavar="N", min=1, max=64, help="Processes on the one port; more than 1 need PostgreSQL."
    ),
]
BridgeListen = Annotated[
    str | None,
    typer.Option(
        "--listen",
        metavar="HOST:PORT",
        help="Where to serve HTTP and WebSockets; port 0 takes any.  [env var: TOCSIN_BRIDGE_LISTEN; "
        "default: 127.0.0.1:8080]",
    ),
]
BridgeServer = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="HOST:PORT",
        help="The gRPC server.  [env var: TOCSIN_BRIDGE_SERVER; default: where TOCSIN_LISTEN says]",
    ),
]
BridgeOrigins = Annotated[
    str | None,
    typer.Option(
        "--origins",
        metavar="ORIGINS",
        help="Whose pages may connect, comma-separated.  [env var: TOCSIN_BRIDGE_ORIGINS; default: this machine's]",
    ),
]
BridgeInsecure = Annotated[
    bool,
    typer.Option("--insecure", help="Allow listening beyond this machine, and an unencrypted way to another server."),
]
BridgeDev = Annotated[
    bool, typer.Option("--dev", help="Development mode: the page at / also sends, and shows the outbox.")
]
AsChild = Annotated[bool, typer.Option("--as-child", hidden=True)]
Grace = Annotated[float | None, typer.Option("--grace", hidden=True)]
