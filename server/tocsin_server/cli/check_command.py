"""``tocsin check``: whether the settings and the rules are right, and which rule a notification would meet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tocsin_server.cli import arguments, describe, options, output
from tocsin_server.cli.arguments import UsageError
from tocsin_server.cli.connection import MISUSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin_server.application.checking import Checked
    from tocsin_server.application.reaching import Reached
    from tocsin_server.config.settings import Settings
    from tocsin_server.routing.book import RuleBook
    from tocsin_server.routing.deciding import Decided
    from tocsin_server.routing.facts import Facts

RulesFile = Annotated[
    Path | None,
    typer.Option(
        "--rules", metavar="FILE", help="Rules and policies in place of those that are set.", show_default=False
    ),
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Show which rule would choose the channels of a notification, and why; needs --to."),
]
OfWhom = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="RECIPIENT",
        help="With --explain: whom it is for, as in tocsin send; any id will do.",
        show_default=False,
    ),
]
Heading = Annotated[str, typer.Option("--title", metavar="TEXT", help="With --explain: its title.", show_default=False)]
At = Annotated[
    str,
    typer.Option("--at", metavar="TIME", help="With --explain: when it is sent; now if left out.", show_default=False),
]

Dns = Annotated[
    str,
    typer.Option(
        "--dns",
        metavar="ADDRESS",
        help="DNS server to ask, such as 192.0.2.53; by default the system's.",
        show_default=False,
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Reach nothing.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    *,
    dev: Annotated[bool, typer.Option("--dev", help="As tocsin serve --dev takes them.")] = False,
    insecure: Annotated[bool, typer.Option("--insecure", help="As tocsin serve --insecure takes them.")] = False,
    rules: RulesFile = None,
    explain: Explain = False,
    to: OfWhom = "",
    category: options.Category = "",
    title: Heading = "",
    address: options.Addresses = None,
    metadata: options.Metadata = None,
    at: At = "",
    offline: Offline = False,
    dns: Dns = "",
) -> None:
    """Say what is wrong with settings, rules and policies.

    It says, too, whether what they name can be reached: the database, the bus and each relay are connected to and
    logged in at, Twilio and Telegram are asked who we are. Nothing is changed or sent, and a server may run meanwhile.
    Of SPF and DMARC of the sender's domain it warns, which is no failure; whether SPF has your relay it cannot know.
    Exits with 1 if something is wrong.

    With --explain it shows instead which rule would choose the channels of a notification whose sender names none, and
    what policies would say. Nothing is reached for that, so contacts are not known: `tocsin simulate` asks a server.

    \b
    Examples:
      tocsin check --dev
      tocsin check --dev --offline
      tocsin check --dev --rules rules.toml --explain --to guest --category auth.code \\
          --address sms=+15550100 --metadata '{"total": 120}'
    """
    try:
        server = _dns_server(dns)
    except UsageError as error:
        typer.echo(f"tocsin: {error}", err=True)
        raise typer.Exit(MISUSED) from None
    settings, checked, book, problems = _looked_at(rules, dev=dev, insecure=insecure)
    reached: Sequence[Reached] = ()
    warnings: Sequence[str] = ()
    if checked is not None and not offline and not explain:
        reached, warnings = _reached(settings, checked, server)
        problems = [*problems, *(f"{one.name}: {one.problem}; see {one.settings}" for one in reached if one.problem)]
    if book is not None and not explain:
        warnings = [*warnings, *_about_rules(book)]
    for problem in problems:
        typer.echo(f"tocsin: {output.clean(problem, lines=True)}", err=True)  # some of it is a provider's answer
    for warning in warnings:
        output.note(f"warning: {warning}")
    if checked is None or book is None or problems:
        raise typer.Exit(1)
    if not explain:
        _say_all_is_well(checked, book, reached, warnings)
        return
    try:
        facts = _facts(to, category, title, address or (), metadata or (), at)
    except UsageError as error:
        typer.echo(f"tocsin: {error}", err=True)
        raise typer.Exit(MISUSED) from None
    sys.stdout.write("\n".join(_explained(book, facts, checked)) + "\n")


def _about_rules(book: RuleBook) -> list[str]:
    """Return what is hardly meant so, though rules can be used as they are."""
    return [
        f"rule {name!r} is never reached: {before!r} before it has no condition, so it takes everything"
        for name, before in book.unreachable()
    ]


def _looked_at(
    path: Path | None, *, dev: bool, insecure: bool
) -> tuple[Settings, Checked | None, RuleBook | None, Sequence[str]]:
    """Return what the settings mean, the rules, and what is wrong with either."""
    from tocsin_server.application import checking  # noqa: PLC0415 - keeps `tocsin --help` fast
    from tocsin_server.config import rule_file, sources  # noqa: PLC0415
    from tocsin_server.config.settings import Settings  # noqa: PLC0415
    from tocsin_server.domain.errors import ConfigurationError  # noqa: PLC0415
    from tocsin_server.intake.rule_loading import mistakes_of  # noqa: PLC0415
    from tocsin_server.routing.book import RuleBook  # noqa: PLC0415

    problems: list[str] = []
    checked: Checked | None = None
    settings = Settings()
    look = {"dev": dev, "insecure": insecure}
    try:
        settings = sources.load()
        checked = checking.check(settings, **look, rules_of=lambda _: RuleBook())
    except sources.WrongSettings as error:
        problems += [str(error), *checking.wrong_besides(error, **look, rules_of=lambda _: RuleBook())]
        if isinstance(error.rest, Settings):
            settings = error.rest
    except ConfigurationError as error:
        problems.append(str(error))
    book: RuleBook | None = None
    try:
        file = rule_file.read_path(path, "--rules") if path is not None else rule_file.read(settings)
        book, mistakes = (RuleBook(), []) if file is None else mistakes_of(file)
        problems += mistakes
    except ConfigurationError as error:
        problems.append(str(error))
    return settings, checked, book, list(dict.fromkeys(problems))


def _dns_server(text: str) -> tuple[str, int] | None:
    """Return the address and port of a DNS server, None if none is named; raises UsageError."""
    from ipaddress import ip_address  # noqa: PLC0415 - keeps `tocsin --help` fast

    from tocsin_server.config.network import parse_listen  # noqa: PLC0415

    if not text:
        return None
    try:
        return str(ip_address(text)), 53
    except ValueError:
        pass
    try:
        host, port = parse_listen(text)
        return str(ip_address(host)), port
    except ValueError:
        form = "must be an IP address, with a port or without, such as 192.0.2.53 or [2001:db8::53]:53"
        raise UsageError(f"--dns {form}; {text[:100]!r} is not") from None


def _reached(
    settings: Settings, checked: Checked, server: tuple[str, int] | None
) -> tuple[Sequence[Reached], Sequence[str]]:
    """Return what came of reaching all, and warnings."""
    import asyncio  # noqa: PLC0415 - keeps `tocsin --help` fast

    from tocsin_server.application.reaching import advise, reach  # noqa: PLC0415
    from tocsin_server.telemetry import logs  # noqa: PLC0415

    async def both() -> tuple[Sequence[Reached], Sequence[str]]:
        return await asyncio.gather(reach(settings, checked), advise(settings, server))

    with logs.configured("error", "console"):  # what libraries say of it is said here
        return asyncio.run(both())


def _say_all_is_well(checked: Checked, book: RuleBook, reached: Sequence[Reached], warnings: Sequence[str]) -> None:
    names = ", ".join(["websocket", *checked.configured])
    well = "nothing is wrong" if warnings else "all is well"
    typer.echo(
        f"{well}: channels {names}; {_count(len(book.rules), 'rule', 'rules')}, "
        f"{_count(len(book.policies), 'policy', 'policies')}"
    )
    if reached:
        typer.echo(f"reached: {', '.join(one.name for one in reached)}")


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _facts(to: str, category: str, title: str, addresses: Sequence[str], metadata: Sequence[str], at: str) -> Facts:
    """Return what would be known of the notification; raises UsageError."""
    from tocsin_server.domain.clock import micros  # noqa: PLC0415
    from tocsin_server.domain.model import ChannelType, Recipient, RecipientType  # noqa: PLC0415
    from tocsin_server.routing.facts import Facts  # noqa: PLC0415

    if not to:
        raise UsageError("--explain needs --to, such as --to guest")
    recipient = arguments.recipient(to)
    now = arguments.moment(at, "--at", output.utc_now(), ahead=True) if at else output.utc_now()
    found: dict[Any, str] = {ChannelType(word): text for word, text in arguments.addresses(addresses).items()}
    return Facts(
        Recipient(RecipientType(str(recipient.type)), recipient.id),
        category,
        title,
        arguments.metadata(metadata),
        found,
        None,
        micros(now.timestamp()),
    )


def _explained(book: RuleBook, facts: Facts, checked: Checked) -> list[str]:
    """Return lines about what would be decided, and why."""
    from tocsin_server.domain.limiting import span_of  # noqa: PLC0415 - keeps `tocsin --help` fast
    from tocsin_server.routing.deciding import by_rules  # noqa: PLC0415

    decided = by_rules(book, facts, dict.fromkeys(checked.configured, True))
    lines = ["rules, in order; the first that matches chooses the channels:"]
    lines += [f"  {describe.tried(trial.rule, trial.why, matched=trial.matched)}" for trial in decided.trials]
    lines += ["", _outcome(decided)]
    denials = decided.decision.denied if decided.decision else ()
    if not decided.channels and not denials:
        lines.append(f"  no address is known{_SAY_IT.format('CHANNEL')}")
    for denial in denials:
        hint = _SAY_IT.format(denial.channel) if denial.detail == "ADDRESS_UNKNOWN" else ""
        lines.append(f"  {denial.channel}: {describe.left_out(denial.policy, denial.detail)}{hint}")
    lines += [
        f"  {use.channel}: counts towards the policy {use.policy!r}, which allows {use.limit} in {span_of(use)}"
        for use in decided.limits
    ]
    return lines


_SAY_IT: Final = "; contacts are not known here: add --address {}=..."


def _outcome(decided: Decided) -> str:
    """Return what would be sent, in a sentence."""
    from tocsin_server.domain.limiting import span  # noqa: PLC0415 - keeps `tocsin --help` fast
    from tocsin_server.domain.model import Goal, StrategyKind  # noqa: PLC0415

    first, *others = [str(draft.channel) for draft in decided.channels] or [""]
    if not first:
        return "it would not be sent: Send would be refused (NO_ROUTE), since no channel is left"
    if not others:
        return f"it would go out by {first}"
    if decided.strategy.kind != StrategyKind.FALLBACK:
        return f"it would go out by {', '.join([first, *others[:-1]])} and {others[-1]}, at once"
    patience = decided.strategy.escalate_after
    unread = f" or is unread after {span(patience)}" if patience and decided.strategy.goal == Goal.READ else ""
    return f"it would go out by {first}; if that fails{unread}, by {', then '.join(others)}"
