"""Reads headers of e-mail from the RFCs, without the library that writes them: RFC 5322 (lines, phrases), RFC 2047."""

from __future__ import annotations

import binascii
import re
from typing import NamedTuple

_ENCODED_WORD = re.compile(r"=\?([A-Za-z0-9-]+)\?([BbQq])\?([!->@-~]*)\?=")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
"""Letters of atoms (RFC 5322 section 3.2.3), and the dot that everybody lets stand in names."""


class Field(NamedTuple):
    """A header field; ``lines`` as they came."""

    name: str
    lines: list[str]

    @property
    def unfolded(self) -> str:
        return "".join(self.lines)[len(self.name) + 1 :].removeprefix(" ")


def fields(content: bytes) -> list[Field]:
    """Take the headers of a message apart."""
    head, separator, _ = content.partition(b"\r\n\r\n")
    assert separator, "headers end with an empty line"
    found: list[Field] = []
    for line in head.decode().split("\r\n"):
        assert "\r" not in line
        assert "\n" not in line
        if line[0] in " \t":
            assert line.strip(), "a line of a folded field is not empty (RFC 5322 section 3.2.2)"
            found[-1].lines.append(line)
        else:
            name, colon, _ = line.partition(":")
            assert colon
            assert re.fullmatch(r"[!-9;-~]+", name)
            found.append(Field(name, [line]))
    return found


def decoded(value: str) -> str:
    """Decode unstructured text: between two encoded words, white space does not count (RFC 2047 section 6.2)."""
    text, between, after_word = "", "", False
    for token in re.split("([ \t]+)", value):
        word = _ENCODED_WORD.fullmatch(token)
        if not token.strip(" \t"):
            between += token
            continue
        text += "" if word is not None and after_word else between
        text += token if word is None else decoded_word(token)
        between, after_word = "", word is not None
    return text + between


def decoded_word(token: str) -> str:
    """Decode one encoded word, which is complete in itself (RFC 2047 section 5)."""
    word = _ENCODED_WORD.fullmatch(token)
    assert word is not None
    assert len(token) <= 75, "RFC 2047 section 2"
    charset, encoding, content = word.groups()
    if encoding in "Bb":
        octets = binascii.a2b_base64(content, strict_mode=True)
    else:
        spaced = content.replace("_", " ").encode()
        octets = re.sub(rb"=([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), spaced)
    return octets.decode(charset)


def mailbox(value: str) -> tuple[str, str]:
    """Take one mailbox apart: its name, empty without one, and its address (RFC 5322 section 3.4)."""
    if not value.endswith(">"):
        return "", value
    phrase, _, address = value.removesuffix(">").rpartition("<")
    return _phrase(phrase.rstrip(" ")), address


def _phrase(text: str) -> str:
    quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', text)
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1])
    for token in re.split("[ \t]+", text) if text else []:
        word = _ENCODED_WORD.fullmatch(token)
        assert word is not None or _ATOM.fullmatch(token), f"{token!r} may not stand in a name without quotes"
        if word is not None and word[2] in "Qq":
            assert re.fullmatch(r"[A-Za-z0-9!*+/=_-]*", word[3]), "RFC 2047 section 5 (3)"
    return decoded(text)
