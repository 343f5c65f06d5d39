"""What the log says of a server that the bridge does not reach: a line when that begins, with the setting to look at,
and a line when it ends."""

from __future__ import annotations

import logging
import threading

from tocsin_client import Tls
from tocsin_client.reach import Cause, Unreachable, why_unreachable

log = logging.getLogger(__name__)


def sentence(server: str, looked: Unreachable) -> str:
    """Return why the server is not reached, and which setting decides it."""
    by_cause = {
        Cause.SPEAKS_TLS: "it speaks TLS; set TOCSIN_BRIDGE_SERVER_CA",
        Cause.SPEAKS_NO_TLS: "it does not speak TLS; leave out TOCSIN_BRIDGE_SERVER_CA and TOCSIN_TLS_CERT",
        Cause.NOT_GRPC: "it is a web server; TOCSIN_BRIDGE_SERVER takes the address of `tocsin serve`",
        Cause.UNKNOWN_AUTHORITY: "its certificate is of another authority than TOCSIN_BRIDGE_SERVER_CA has",
        Cause.WRONG_NAME: f"its certificate is for {looked.detail or 'another name'}, not for TOCSIN_BRIDGE_SERVER",
        Cause.EXPIRED: f"its certificate is not valid now: {looked.detail}",
        Cause.CERTIFICATE_WANTED: "it asks for a certificate: TOCSIN_TLS_CERT, TOCSIN_TLS_KEY, TOCSIN_TLS_CLIENT_CA",
        Cause.CERTIFICATE_REFUSED: "it does not accept the certificate in TOCSIN_TLS_CERT",
        Cause.NO_CONNECTION: looked.detail,
        Cause.UNCLEAR: "it does not answer, or is not ready",
    }
    return f"the server at {server} is not reached: {by_cause[looked.cause]}"


class Outage:
    """Tells of an outage once, however often the server is asked meanwhile."""

    def __init__(self, server: str, tls: Tls | None) -> None:
        self._server, self.tls = server, tls
        self._lasts = False

    def note(self, *, well: bool) -> None:
        """Take note of whether the server answered; returns at once."""
        if well and self._lasts:
            log.warning("the server is reached again", extra={"event": "bridge_server_back", "server": self._server})
        elif not well and not self._lasts:
            # Looking takes seconds and blocks; a thread that is a daemon keeps no stop from ending.
            threading.Thread(target=self._tell, name="bridge-outage", daemon=True).start()
        self._lasts = not well

    def _tell(self) -> None:
        looked = why_unreachable(self._server, self.tls)
        fields = {"event": "bridge_server_away", "server": self._server, "cause": looked.cause.name.lower()}
        log.warning("%s", sentence(self._server, looked), extra=fields)
