"""What the sender's domain publishes in DNS about who may send for it: SPF (RFC 7208) and DMARC (RFC 7489)."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Sequence
from email.utils import parseaddr
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from email_validator import EmailNotValidError

from tocsin_server.channels.email.address import parse_mailbox

PATIENCE: Final = 3.0
"""Seconds that DNS has for all questions together: nobody waits long for advice."""

_MOST_PARENTS: Final = 8
"""Domains that are asked for DMARC, from the sender's upwards: a name can have 127 labels."""

_LONGEST_REASON: Final = 160

_SPF_TERM = re.compile(
    r"[+?~-]?(?:all|include:\S+|exists:\S+|ptr(?::\S+)?|(?:a|mx)(?::[^/\s]+)?(?:/\d{1,2})?(?://\d{1,3})?)"
    r"|[a-z][a-z0-9._-]*=\S*",
    re.IGNORECASE,
)
_SPF_ADDRESS = re.compile(r"[+?~-]?ip([46]):(\S+)", re.IGNORECASE)
_DMARC_POLICIES: Final = ("none", "quarantine", "reject")


def resolver_at(server: tuple[str, int] | None) -> dns.asyncresolver.Resolver:
    """Return a resolver that asks one server, an IP address and a port, or those that the system is configured with.

    Raises:
        dns.resolver.NoResolverConfiguration: The system has none.
    """
    resolver = dns.asyncresolver.Resolver(configure=server is None)
    if server is not None:
        resolver.nameservers, resolver.port = [server[0]], server[1]
    return resolver


async def warnings_about(sender: str, server: tuple[str, int] | None, patience: float = PATIENCE) -> Sequence[str]:
    """Return what is missing or unreadable, a line each; what DNS does not tell is one line more.

    Args:
        sender: As in TOCSIN_EMAIL_FROM: an address, with or without a name.
        server: The DNS server to ask, an IP address and a port; None for the system's.
        patience: Seconds for all of it.
    """
    try:
        domain = parse_mailbox(parseaddr(sender)[1]).ascii_domain
    except EmailNotValidError:
        return ()
    if domain.startswith("["):  # an address literal has no place in DNS
        return ()
    try:
        resolver = resolver_at(server)
        async with asyncio.timeout(patience):
            spf, dmarc = await asyncio.gather(_texts(resolver, domain), _dmarc_of(resolver, domain))
    except TimeoutError:
        return [f"SPF and DMARC of {domain} were not looked at: no answer from DNS within {patience:g} s"]
    except (dns.exception.DNSException, OSError) as error:
        said = " ".join(str(error).split()).removesuffix(".")[:_LONGEST_REASON]
        return [f"SPF and DMARC of {domain} were not looked at: {said}"]
    return [*spf_problems(domain, spf), *dmarc_problems(domain, dmarc)]


def spf_problems(domain: str, texts: Sequence[str]) -> Sequence[str]:
    """Return what is wrong with SPF, where these are the TXT records of the domain."""
    records = [text for text in texts if text.lower().split(" ", 1)[0] == "v=spf1"]
    if not records:
        return [f"{domain} has no SPF record (TXT v=spf1 …): receivers cannot tell who may send for it"]
    if len(records) > 1:
        return [f"{domain} has {len(records)} SPF records: receivers take none of them, leave one"]
    unread = next((term for term in records[0].split()[1:] if not _is_spf_term(term)), None)
    if unread is None:
        return ()
    return [f"the SPF record of {domain} cannot be read at {unread[:60]!a}: receivers take none of it"]


def dmarc_problems(domain: str, found: tuple[str, Sequence[str]] | None) -> Sequence[str]:
    """Return what is wrong with DMARC, where this is the name at which it was found, and its records there."""
    if found is None:
        return [f"there is no DMARC record (TXT v=DMARC1; p=…) at _dmarc.{domain}, nor at a domain above"]
    name, records = found
    if len(records) > 1:
        return [f"{name} has {len(records)} DMARC records: receivers take none of them, leave one"]
    tags = (tag.partition("=") for tag in records[0].split(";")[1:])
    if not any(key.strip() == "p" and value.strip().lower() in _DMARC_POLICIES for key, _, value in tags):
        return [f"the DMARC record at {name} cannot be read: it needs p=none, p=quarantine or p=reject"]
    return ()


def _is_spf_term(term: str) -> bool:
    address = _SPF_ADDRESS.fullmatch(term)
    if address is None:
        return _SPF_TERM.fullmatch(term) is not None
    try:
        return ipaddress.ip_network(address[2], strict=False).version == int(address[1])
    except ValueError:
        return False


async def _dmarc_of(resolver: dns.asyncresolver.Resolver, domain: str) -> tuple[str, Sequence[str]] | None:
    """Look at the domain, then at those above it, the organisational one among them, and leave top-level ones out.

    Walking up needs no list of which names are public suffixes, and such a list would be old one day.
    """
    labels = domain.split(".")
    starts = [0, *range(max(1, len(labels) - _MOST_PARENTS), len(labels) - 1)]
    for start in starts:
        name = "_dmarc." + ".".join(labels[start:])
        texts = await _texts(resolver, name)
        records = [text for text in texts if text.upper().startswith("V=DMARC1")]
        if records:
            return name, records
    return None


async def _texts(resolver: dns.asyncresolver.Resolver, name: str) -> Sequence[str]:
    """Return the TXT records of a name; none if it does not exist. Raises DNSException if DNS does not tell."""
    try:
        answer = await resolver.resolve(
            dns.name.from_text(name + "."), dns.rdatatype.TXT, raise_on_no_answer=False, lifetime=PATIENCE
        )
    except dns.resolver.NXDOMAIN:
        return ()
    return [b"".join(record.strings).decode("ascii", "replace") for record in answer.rrset or ()]
