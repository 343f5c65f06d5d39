"""Which variables are refused as slips, which are the platform's, and which are only told."""

from __future__ import annotations

import pytest

from tocsin_server.config.settings import Settings
from tocsin_server.config.variables import distance, ignored, no_such_setting, slips

NAMES = Settings.model_fields

# What Kubernetes 1.3x sets in every pod of a namespace with the Services "tocsin" (ports "grpc" and "metrics") and
# "tocsin-bridge"; copied from there, with other addresses.
SERVICE_LINKS = {
    "TOCSIN_SERVICE_HOST": "10.96.0.7",
    "TOCSIN_SERVICE_PORT": "50051",
    "TOCSIN_SERVICE_PORT_GRPC": "50051",
    "TOCSIN_SERVICE_PORT_METRICS_HTTP": "9464",
    "TOCSIN_PORT": "tcp://10.96.0.7:50051",
    "TOCSIN_PORT_50051_TCP": "tcp://10.96.0.7:50051",
    "TOCSIN_PORT_50051_TCP_PROTO": "tcp",
    "TOCSIN_PORT_50051_TCP_PORT": "50051",
    "TOCSIN_PORT_50051_TCP_ADDR": "10.96.0.7",
    "TOCSIN_PORT_53_UDP": "udp://[fd00::7]:53",
    "TOCSIN_BRIDGE_SERVICE_HOST": "10.96.0.8",
    "TOCSIN_BRIDGE_SERVICE_PORT": "8080",
    "TOCSIN_BRIDGE_SERVICE_PORT_WEB": "8080",
    "TOCSIN_BRIDGE_PORT": "tcp://10.96.0.8:8080",
    "TOCSIN_BRIDGE_PORT_8080_TCP": "tcp://10.96.0.8:8080",
    "TOCSIN_BRIDGE_PORT_8080_TCP_PROTO": "tcp",
    "TOCSIN_BRIDGE_PORT_8080_TCP_PORT": "8080",
    "TOCSIN_BRIDGE_PORT_8080_TCP_ADDR": "10.96.0.8",
}

# What Docker sets for `--link db-of-tocsin:tocsin`.
DOCKER_LINKS = {
    "TOCSIN_NAME": "/shop/tocsin",
    "TOCSIN_PORT": "tcp://172.17.0.5:50051",
    "TOCSIN_PORT_50051_TCP": "tcp://172.17.0.5:50051",
    "TOCSIN_PORT_8000_TCP_START": "tcp://172.17.0.5:8000",
    "TOCSIN_PORT_8000_TCP_PORT_START": "8000",
    "TOCSIN_PORT_8000_TCP_PORT_END": "8003",
    "TOCSIN_ENV_PATH": "/usr/bin",
    "TOCSIN_ENV_TOCSIN_LISTEN": "0.0.0.0:50051",
}


@pytest.mark.parametrize("environment", [SERVICE_LINKS, DOCKER_LINKS], ids=["Kubernetes", "Docker"])
def test_variables_of_the_platform_are_left_alone(environment: dict[str, str]) -> None:
    assert slips(environment, NAMES) == []
    assert ignored(environment, NAMES) == []


@pytest.mark.parametrize(
    ("variable", "value", "meant"),
    [
        ("TOCSIN_LISTN", "x", "TOCSIN_LISTEN"),
        ("TOCSIN_LSITEN", "x", "TOCSIN_LISTEN"),
        ("TOCSIN_LISTENS", "x", "TOCSIN_LISTEN"),
        ("TOCSIN_BRIDGELISTEN", "x", "TOCSIN_BRIDGE_LISTEN"),
        ("TOCSIN_AUTH_TOKEN", "x", "TOCSIN_AUTH_TOKENS"),
        ("TOCSIN_AUTH_TOKEN_FILE", "x", "TOCSIN_AUTH_TOKENS_FILE"),
        ("TOCSIN_AUTH_TOKENS_FILES", "x", "TOCSIN_AUTH_TOKENS_FILE"),
        ("TOCSIN_SMTP_URL_FIEL", "x", "TOCSIN_SMTP_URL_FILE"),
        ("TOCSIN_TOKENS", "x", "TOCSIN_AUTH_TOKENS"),
        ("TOCSIN_JWT_SECRETS_FILE", "x", "TOCSIN_JWT_SECRET_FILE"),
        ("TOCSIN_TLS_CA", "x", "TOCSIN_TLS_CLIENT_CA"),
        ("TOCSIN_SMTP_URI", "x", "TOCSIN_SMTP_URL"),
        ("TOCSIN_DB_URL", "x", "TOCSIN_DATABASE_URL"),
        ("TOCSIN_CONFG", "x", "TOCSIN_CONFIG"),
        ("TOCSIN_PORT", "50051", "TOCSIN_LISTEN"),
        ("TOCSIN_PORT", "http://10.0.0.1:1", "TOCSIN_LISTEN"),
        ("TOSCIN_AUTH_TOKENS", "x", "TOCSIN_AUTH_TOKENS"),
        ("TOCIN_JWT_SECRET_FILE", "x", "TOCSIN_JWT_SECRET_FILE"),
        ("tocsin_listen", "x", "TOCSIN_LISTEN"),
        ("Tocsin_Listen", "x", "TOCSIN_LISTEN"),
    ],
)
def test_a_slip_is_refused_and_what_was_meant_is_named(variable: str, value: str, meant: str) -> None:
    assert slips({variable: value}, NAMES) == [f"{variable}: there is no such setting; did you mean {meant}?"]


@pytest.mark.parametrize(
    ("variable", "similar"),
    [
        ("TOCSIN_SMTP_PASSWORD", "TOCSIN_SMTP_URL"),
        ("TOCSIN_JWT_JWKS", "TOCSIN_JWT_SECRET, TOCSIN_JWT_PUBLIC_KEY"),
        ("TOCSIN_CONFIG_FILE", "TOCSIN_CONFIG"),
    ],
)
def test_a_name_of_one_of_our_groups_is_refused_too(variable: str, similar: str) -> None:
    [said] = slips({variable: "x"}, NAMES)
    assert said.startswith(f"{variable}: there is no such setting; ")
    assert all(name in said for name in similar.split(", "))


@pytest.mark.parametrize(
    "variable",
    ["TOCSIN_RELEASE", "TOCSIN_VERSION", "TOCSIN_IMAGE", "TOCSIN_HOME", "TOCSIN_ENV", "TOCSIN_FILE", "TOCSIN_"],
)
def test_what_is_like_nothing_of_ours_is_told_and_ignored(variable: str) -> None:
    assert slips({variable: "x"}, NAMES) == []
    assert ignored({variable: "x"}, NAMES) == [variable]


@pytest.mark.parametrize(
    "variable",
    [
        "TOCSIN_SERVER",
        "TOCSIN_TOKEN",
        "TOCSIN_CONFIG",
        "TOCSIN_TEST_DATABASE",
        "OTHER_LISTEN",
        "TOXIN_LISTEN",
        "LISTEN",
    ],
)
def test_known_variables_and_those_of_other_programs_are_neither(variable: str) -> None:
    assert slips({variable: "x"}, NAMES) == []
    assert ignored({variable: "x"}, NAMES) == []


def test_a_name_without_prefix_is_told_in_its_own_case() -> None:
    assert no_such_setting("listn", NAMES) == "there is no such setting; did you mean listen?"
    assert no_such_setting("colour", NAMES) == "there is no such setting"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", 0),
        ("A", "", 1),
        ("LISTEN", "LISTEN", 0),
        ("LISTN", "LISTEN", 1),
        ("LSITEN", "LISTEN", 1),
        ("AB", "XY", 2),
    ],
)
def test_a_distance_counts_letters_and_swaps(one: str, other: str, expected: int) -> None:
    assert distance(one, other) == distance(other, one) == expected
