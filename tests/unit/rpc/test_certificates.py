"""The server's certificate while it is replaced: old connections go on, new ones get the new one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc

from helpers.feeds import turns
from helpers.waiting import eventually_async
from tocsin_server.config.network import ListenAddress
from tocsin_server.domain.clock import wall_clock
from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.rpc.auth import Authenticator
from tocsin_server.rpc.certificates import Certificates, TlsFiles
from tocsin_server.rpc.recipient_tokens import TokenRules
from tocsin_server.rpc.server import RpcServer


def write(folder: Path, authority: trustme.CA, clients: trustme.CA | None = None) -> TlsFiles:
    """Write a certificate of an authority, and the authority of clients."""
    issued = authority.issue_cert("localhost")
    files = TlsFiles(folder / "cert.pem", folder / "key.pem", folder / "clients.pem" if clients else None)
    files.certificate.write_bytes(issued.cert_chain_pems[0].bytes())
    files.key.write_bytes(issued.private_key_pem.bytes())
    if clients:
        clients.cert_pem.write_to_path(str(folder / "clients.pem"))
    return files


class Client:
    """A connection of its own."""

    def __init__(self, port: int, authority: trustme.CA, own: trustme.CA | None = None) -> None:
        shown = own.issue_cert("client") if own else None
        credentials = grpc.ssl_channel_credentials(
            authority.cert_pem.bytes(),
            shown.private_key_pem.bytes() if shown else None,
            shown.cert_chain_pems[0].bytes() if shown else None,
        )
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._channel = grpc.aio.secure_channel(f"localhost:{port}", credentials, options)

    async def is_served(self) -> bool:
        """Tell whether a call is answered; it is not for want of a connection."""
        try:
            await health_pb2_grpc.HealthStub(self._channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return False
        return True


async def served_once(port: int, authority: trustme.CA, own: trustme.CA | None = None) -> bool:
    return await Client(port, authority, own).is_served()


async def started(files: TlsFiles) -> tuple[RpcServer, int]:
    server = RpcServer({}, Authenticator((), TokenRules(), wall_clock), files)
    return server, await server.start(ListenAddress("localhost", 0))


async def test_connections_that_begin_after_a_change_get_the_new_one_and_others_go_on(tmp_path: Path) -> None:
    before, after = trustme.CA(), trustme.CA()
    server, port = await started(write(tmp_path, before))
    staying = Client(port, before)
    assert await staying.is_served()
    server.replace_certificates(write(tmp_path, after))
    assert [await served_once(port, authority) for authority in (after, before, after)] == [True, False, True]
    assert await staying.is_served()
    await server.stop(1.0)


async def test_a_server_that_takes_the_place_of_one_that_ended_has_the_new_one_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, after = trustme.CA(), trustme.CA()
    server, port = await started(write(tmp_path, before))
    server.replace_certificates(write(tmp_path, after))
    first = server._server
    server._on_end(RuntimeError("a fault of the library"))

    async def replaced() -> bool:
        return server._server is not first

    await eventually_async(replaced)
    await asyncio.gather(*server._draining)
    await turns()
    # That the first one ends now, as it is stopped, is no news of the second.
    assert [record.__dict__["event"] for record in caplog.records] == ["rpc_server_ended"]
    assert await served_once(port, after)
    server.replace_certificates(write(tmp_path, before))
    assert await served_once(port, before)
    await server.stop(1.0)


async def test_the_authority_of_clients_is_replaced_too(tmp_path: Path) -> None:
    authority, before, after = trustme.CA(), trustme.CA(), trustme.CA()
    server, port = await started(write(tmp_path, authority, before))
    assert await served_once(port, authority, before)
    assert not await served_once(port, authority)
    server.replace_certificates(write(tmp_path, authority, after))
    assert [await served_once(port, authority, own) for own in (after, before, None)] == [True, False, False]
    await server.stop(1.0)


def test_clients_are_not_asked_for_certificates_from_one_moment_to_the_next(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificates = Certificates(write(tmp_path, authority))
    with pytest.raises(ConfigurationError, match="TOCSIN_TLS_CLIENT_CA"):
        certificates.replace(write(tmp_path, authority, authority))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    files = write(tmp_path, trustme.CA())
    files.key.unlink()
    with pytest.raises(ConfigurationError, match=r"key\.pem"):
        Certificates(files)
