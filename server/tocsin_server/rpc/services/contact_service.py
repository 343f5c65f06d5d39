"""`tocsin.v1.ContactService`: a coroutine per RPC, from request to answer."""

from __future__ import annotations

from tocsin.v1 import contact_service_pb2 as pb

from tocsin_server.domain.errors import ContactNotFound
from tocsin_server.domain.ports import AddressProblem, ContactBookStore
from tocsin_server.rpc import convert, page_token
from tocsin_server.rpc.principal import Principal
from tocsin_server.rpc.scopes import DELETE_CONTACT, GET_CONTACT, PUT_CONTACT
from tocsin_server.rpc.turns import Turns


class ContactService:
    """The RPCs. Each raises a `TocsinError` to refuse; `rpc.handlers` turns it into a status.

    Args:
        store: Where contacts are kept.
        address_problem: Knows the channels' forms of addresses.
    """

    def __init__(self, store: ContactBookStore, address_problem: AddressProblem) -> None:
        self._store = store
        self._address_problem = address_problem

    async def PutContact(self, request: pb.PutContactRequest, caller: Principal) -> pb.PutContactResponse:  # noqa: N802
        """Create or replace a contact."""
        contact = convert.read_put_contact(request, self._address_problem)
        caller.require_type(contact.recipient, PUT_CONTACT)
        stored = await self._store.put_contact(contact)
        response = pb.PutContactResponse()
        convert.write_contact(stored, response.contact)
        return response

    async def GetContact(self, request: pb.GetContactRequest, caller: Principal) -> pb.GetContactResponse:  # noqa: N802
        """Return a contact."""
        recipient = convert.read_recipient(request.recipient)
        caller.require_type(recipient, GET_CONTACT)
        found = await self._store.contact(recipient)
        if found is None:
            raise ContactNotFound(recipient.type, recipient.id or "")
        response = pb.GetContactResponse()
        convert.write_contact(found, response.contact)
        return response

    async def DeleteContact(  # noqa: N802
        self, request: pb.DeleteContactRequest, caller: Principal
    ) -> pb.DeleteContactResponse:
        """Delete a contact."""
        recipient = convert.read_recipient(request.recipient)
        caller.require_type(recipient, DELETE_CONTACT)
        await self._store.delete_contact(recipient)
        return pb.DeleteContactResponse()

    async def ListContacts(  # noqa: N802
        self, request: pb.ListContactsRequest, _caller: Principal
    ) -> pb.ListContactsResponse:
        """Return a page of contacts."""
        recipient_type, page_size = convert.read_list_contacts(request)
        after = page_token.decode_contact(request.page_token, recipient_type) if request.page_token else None
        page = await self._store.find_contacts(recipient_type, after, page_size)
        response = pb.ListContactsResponse()
        turns = Turns()
        for contact in page.contacts:
            await turns.give_way()
            convert.write_contact(contact, response.contacts.add())
        if page.more:
            response.next_page_token = page_token.encode_contact(page.contacts[-1].recipient, recipient_type)
        return response
