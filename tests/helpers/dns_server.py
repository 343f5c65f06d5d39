"""A DNS server on loopback that answers TXT questions over UDP, well or as a test wants it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Answer = Callable[[dns.message.QueryMessage, dns.message.Message], dns.message.Message | None]
"""Gets the question and the answer that would be right, and returns what is sent, None for silence."""


class DnsServer:
    """Serves TXT records by name; a name that is not among them does not exist."""

    def __init__(self, records: Mapping[str, Sequence[str]], answer: Answer = lambda _, right: right) -> None:
        self.records = dict(records)
        self.answer = answer
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", int(self._socket.getsockname()[1]))

    @property
    def text(self) -> str:
        return f"127.0.0.1:{self.address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An empty datagram ends the thread; closing under a blocked recvfrom would not wake it.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.address)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(65535)
            if not data:
                return
            question = dns.message.from_wire(data)
            assert isinstance(question, dns.message.QueryMessage)
            sent = self.answer(question, self._right(question))
            if sent is not None:
                self._socket.sendto(sent.to_wire(max_size=65535), sender)

    def _right(self, question: dns.message.QueryMessage) -> dns.message.Message:
        name = question.question[0].name
        text = name.to_text(omit_final_dot=True)
        self.asked.append(text)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        if text not in self.records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif self.records[text]:
            answer.answer.append(txt(text, self.records[text]))
        return answer


def txt(name: str, texts: Sequence[str]) -> dns.rrset.RRset:
    """Return TXT records of a name; long ones in strings of 200 characters, since one has at most 255."""
    parts = [" ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200)) for text in texts]
    return dns.rrset.from_text_list(name + ".", 60, "IN", "TXT", parts)
