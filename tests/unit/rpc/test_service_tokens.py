"""Entries of tokens: what each of their parts allows, and what is said of those that are wrong."""

from __future__ import annotations

import pytest

from helpers.access import entry
from tocsin_server.domain.errors import ConfigurationError, PermissionDenied, RateLimited
from tocsin_server.domain.model import Recipient, RecipientType
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.recipient_tokens import TokenRules
from tocsin_server.rpc.scopes import GET, LIST_CONTACTS, SEND, WHO_AM_I
from tocsin_server.rpc.service_tokens import CERTIFICATE, read_entry

GUEST = Recipient(RecipientType.GUEST, "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10")
USER = GUEST._replace(type=RecipientType.USER)


def authenticator(*entries: str) -> Authenticator:
    return Authenticator(entries, TokenRules(), lambda: 0)


def test_an_entry_without_options_is_for_everybody_at_any_rate() -> None:
    caller = read_entry(entry("shop", "send+read", "token")).principal
    assert (caller.name, caller.recipient_types, caller.rate_limit) == ("shop", None, None)
    caller.require_type(None, SEND)
    caller.take_sends(1_000_000)


def test_types_of_recipients_narrow_what_a_token_may_do() -> None:
    caller = read_entry(entry("desk", "send+read", "token", "recipients=guest+partner")).principal
    caller.require_recipient(GUEST, SEND)
    for recipient in (USER, None):
        with pytest.raises(PermissionDenied, match="of type guest or partner"):
            caller.require_recipient(recipient, SEND)
    caller.require_rpc(GET)
    caller.require_rpc(WHO_AM_I)
    with pytest.raises(PermissionDenied):
        caller.require_rpc(LIST_CONTACTS)  # it would show everybody's


def test_a_rate_is_told_with_how_long_to_wait() -> None:
    caller = read_entry(entry("desk", "send", "token", "rate=2/m")).principal
    caller.take_sends(2)
    with pytest.raises(RateLimited) as refused:
        caller.take_sends(1)
    assert refused.value.metadata == {"limit": "2", "unit": "requests per minute"}
    assert refused.value.retry_after is not None
    assert 0 < refused.value.retry_after <= 30


def test_two_tokens_of_one_name_count_together_also_after_they_are_read_again() -> None:
    old, new = (entry("shop", "send", token, "rate=2/h") for token in ("old", "new"))
    callers = authenticator(old, new)
    callers.holder_of("old").take_sends(2)
    for known in (old, new), (new,), (entry("shop", "send", "new", "rate=2/h", "recipients=guest"),):
        callers.replace(authenticator(*known))
        with pytest.raises(RateLimited):
            callers.holder_of("new").take_sends(1)
    callers.replace(authenticator(entry("shop", "send", "new", "rate=3/h")))
    callers.holder_of("new").take_sends(1)


def test_a_caller_may_be_known_by_a_name_in_its_certificate() -> None:
    callers = authenticator("shop.internal:send:certificate:rate=9/s")
    assert read_entry("shop.internal:send:certificate").proof == CERTIFICATE
    assert callers.required
    assert callers.needs_certificates
    for kind in ("x509_common_name", "x509_subject_alternative_name"):
        seen = {kind: [b"\xff", b"shop.internal"]}
        assert callers.authenticate(list, lambda seen=seen: seen).name == "shop.internal"  # type: ignore[misc]
    assert callers.opener(list, lambda: {"x509_common_name": [b"nobody"]}) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shop", "must be name:scope+scope:sha256"),
        ("shop:send:1234", "must be name:scope+scope:sha256"),
        (entry("shop", "sned", "t"), "shop has the unknown scope 'sned'"),
        (entry("shop", "send", "t", "recipients=guests"), "shop has the unknown recipients 'guests'; there are user,"),
        (entry("shop", "send", "t", "recipients="), "shop has the unknown recipients ''"),
        (entry("shop", "*", "t", "recipients=guest"), "shop has recipients=, which goes with the scopes send, read"),
        (entry("shop", "send+send_any", "t", "recipients=guest"), "not with send_any"),
        (entry("shop", "send", "t", "rate=60"), "shop has rate=60, which must look like 60/s"),
        (entry("shop", "send", "t", "rate=0/s"), "must look like 60/s"),
        (entry("shop", "send", "t", "rate=9999999/s"), "1000000 at most"),
        (entry("shop", "send", "t", "rate=1/s", "rate=2/s"), "each once"),
        (entry("shop", "send", "t", "rat=1/s"), "shop has 'rat=1/s'; there are recipients="),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_entry(text)
    assert str(refused.value).startswith("TOCSIN_AUTH_TOKENS: ")
    assert said in str(refused.value)
