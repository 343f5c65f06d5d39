"""``tocsin token``: every token that it makes is one that a server takes, and what a server refuses it refuses too."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from typer.testing import CliRunner, Result

from helpers.scripted_server import USER_ID
from tocsin_server.cli.app import app
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.errors import Unauthenticated
from tocsin_server.domain.ids import derived_id
from tocsin_server.domain.model import Recipient, RecipientType
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.recipient_tokens import TokenRules

SECRET = "a secret of the server, long enough for HS256"
USER = f"user:{USER_ID}"


def token(*words: str, **environment: str) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = CliRunner().invoke(app, ["token", *words], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def refusal(*words: str, **environment: str) -> str:
    result = token(*words, **environment)
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    return line.removeprefix("tocsin: ")


def test_a_recipients_token_is_taken_by_a_server_with_the_same_secret() -> None:
    result = token("--to", USER, "--lifetime", "8h", TOCSIN_JWT_SECRET=SECRET)
    assert (result.exit_code, result.stderr) == (0, "")
    principal = Authenticator((), TokenRules(SECRET), wall_clock).holder_of(result.stdout.strip())
    assert principal.recipient == Recipient(RecipientType.USER, USER_ID)
    assert principal.expires_at is not None
    assert 7.9 < (principal.expires_at - wall_clock()) / 3.6e9 <= 8


def test_a_token_may_be_made_for_an_external_id() -> None:
    result = token("--to", "user:ext:a:b", TOCSIN_JWT_SECRET=SECRET)
    principal = Authenticator((), TokenRules(SECRET), wall_clock).holder_of(result.stdout.strip())
    assert principal.recipient == Recipient(RecipientType.USER, derived_id(RecipientType.USER, "a:b"))
    assert "ext:" in refusal("--to", "user:ext:" + "x" * 256, TOCSIN_JWT_SECRET=SECRET)


@pytest.mark.parametrize(
    "private",
    [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["RSA", "P-256", "Ed25519"],
)
def test_a_recipients_token_is_taken_by_a_server_with_the_public_key(
    tmp_path: Path, private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()))
    public = private.public_key().public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)
    result = token("--to", USER, "--key", str(path))
    assert (result.exit_code, result.stderr) == (0, "")
    holder = Authenticator((), TokenRules(None, public.decode()), wall_clock).holder_of(result.stdout.strip())
    assert holder.recipient == Recipient(RecipientType.USER, USER_ID)


def test_a_recipients_token_says_what_the_server_asks_for() -> None:
    settings = {"TOCSIN_JWT_AUDIENCE": "https://notify.example", "TOCSIN_JWT_ISSUER": "https://shop.example"}
    result = token("--to", USER, TOCSIN_JWT_SECRET=SECRET, **settings)
    rules = TokenRules(SECRET, audience=settings["TOCSIN_JWT_AUDIENCE"], issuer=settings["TOCSIN_JWT_ISSUER"])
    assert Authenticator((), rules, wall_clock).holder_of(result.stdout.strip()).recipient is not None
    without = token("--to", USER, TOCSIN_JWT_SECRET=SECRET).stdout.strip()
    with pytest.raises(Unauthenticated, match="aud"):
        Authenticator((), rules, wall_clock).holder_of(without)


def test_a_backends_token_is_taken_by_a_server_with_its_entry() -> None:
    result = token("--service", "shop", "--scopes", "send, read")
    plain, entry = result.stdout.splitlines()
    assert entry.startswith("TOCSIN_AUTH_TOKENS=shop:send+read:")
    assert Authenticator([entry.partition("=")[2]], TokenRules(), wall_clock).holder_of(plain).name == "shop"


def test_a_backends_token_may_be_for_some_recipients_and_have_a_rate() -> None:
    options = ("--recipients", "guest, partner", "--rate", "60/s")
    plain, entry = token("--service", "desk", "--scopes", "send", *options).stdout.splitlines()
    assert entry.endswith(":recipients=guest+partner:rate=60/s")
    caller = Authenticator([entry.partition("=")[2]], TokenRules(), wall_clock).holder_of(plain)
    assert caller.recipient_types == frozenset({RecipientType.GUEST, RecipientType.PARTNER})
    assert caller.rate_limit is not None
    assert (caller.rate_limit.most, caller.rate_limit.unit) == (60, "second")
    assert refusal("--service", "desk", "--recipients", "guests").startswith("--recipients: desk has the unknown")
    assert refusal("--service", "desk", "--rate", "60").startswith("--rate: desk has rate=60, which must look like")


def test_a_backend_with_a_certificate_has_an_entry_and_no_token() -> None:
    result = token("--service", "billing.internal", "--scopes", "send", "--certificate")
    assert result.stdout == "TOCSIN_AUTH_TOKENS=billing.internal:send:certificate\n"


def test_what_a_server_would_refuse_is_not_signed(tmp_path: Path) -> None:
    assert refusal("--to", USER, TOCSIN_JWT_SECRET="short") == "TOCSIN_JWT_SECRET: must be at least 32 bytes"
    assert refusal("--to", USER, TOCSIN_JWT_SECRET="").startswith("TOCSIN_JWT_SECRET: is set but empty")
    assert refusal("--to", USER) == "set TOCSIN_JWT_SECRET, the server's, or give --key"
    assert refusal("--to", "user:42", TOCSIN_JWT_SECRET=SECRET).startswith("--to: a server takes no such id")
    assert refusal("--to", "user", TOCSIN_JWT_SECRET=SECRET).startswith("--to: needs an id, such as user:UUID")
    assert refusal("--to", "usr:1", TOCSIN_JWT_SECRET=SECRET).startswith("--to: 'usr' is not one of user")
    for lifetime in ("0", "0s", "10ms"):
        said = refusal("--to", USER, "--lifetime", lifetime, TOCSIN_JWT_SECRET=SECRET)
        assert said == "--lifetime: must be a second at least, such as 30m or 8h"
    assert refusal("--to", USER, "--lifetime", "soon", TOCSIN_JWT_SECRET=SECRET).startswith("--lifetime: 'soon' is")
    for longest, lifetime in ((None, "31d"), ("1h", "2h")):
        longest_set = {} if longest is None else {"TOCSIN_JWT_MAX_LIFETIME": longest}
        said = refusal("--to", USER, "--lifetime", lifetime, TOCSIN_JWT_SECRET=SECRET, **longest_set)
        assert said.startswith("--lifetime: the server takes ")
        assert said.endswith("see TOCSIN_JWT_MAX_LIFETIME")
    assert refusal("--to", USER, "--service", "shop") == "give either --to or --service"
    assert refusal() == "give either --to or --service"
    assert refusal("--service", "shop", "--scopes", "fly").startswith("--scopes: shop has the unknown scope")
    assert refusal("--service", "a shop").startswith("--service: a name has 1 to 64 letters")
    assert refusal("--service", "shop", "--scopes", ",").startswith("--scopes: each entry must be")


def test_a_key_that_cannot_be_used_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("Dear diary")
    other = ec.generate_private_key(ec.SECP384R1())
    (tmp_path / "curve").write_bytes(
        other.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    )
    (tmp_path / "locked").write_bytes(
        other.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.BestAvailableEncryption(b"x"))
    )
    for name in ("text", "curve", "locked", "missing"):
        assert refusal("--to", USER, "--key", str(tmp_path / name)).startswith("--key: ")
