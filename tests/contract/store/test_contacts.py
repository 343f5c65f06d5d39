"""Contacts: what a store keeps of them, and how they are found."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from helpers.drafts import EMAIL, SMS, TELEGRAM, user
from helpers.store import StoreBench, in_loops
from tocsin_server.domain.errors import ContactNotFound
from tocsin_server.domain.model import Contact, Recipient, RecipientType

ADDRESSES = {EMAIL: "zażółć@example.org", SMS: "+447700900123", TELEGRAM: "@some_channel"}


def contact(recipient: Recipient | None = None, **changes: Any) -> Contact:
    """Return a contact, of a new user unless said otherwise."""
    return Contact(recipient or user(), None, ADDRESSES, "pt-BR", "Europe/Lisbon")._replace(**changes)


def pages(bench: StoreBench, recipient_type: RecipientType | None = None, size: int = 2) -> list[list[Contact]]:
    """Return all contacts of a type, page by page."""
    found: list[list[Contact]] = []
    after = None
    while True:
        page = bench.run(bench.store.find_contacts(recipient_type, after, size))
        found.append(page.contacts)
        if not page.more:
            return found
        after = page.contacts[-1].recipient


def test_what_was_put_reads_back_with_the_time_of_the_store_also_after_a_restart(bench: StoreBench) -> None:
    wanted = contact(external_id="42:é\u2028 \U0001f514 'x' \\")
    before = bench.clock()
    stored = bench.run(bench.store.put_contact(wanted))
    assert stored == wanted._replace(updated_at=stored.updated_at)
    assert before <= stored.updated_at <= bench.clock()
    assert bench.run(bench.store.contact(wanted.recipient)) == stored
    bench.reopen()
    assert bench.run(bench.store.contact(wanted.recipient)) == stored


def test_a_contact_is_replaced_as_a_whole(bench: StoreBench) -> None:
    first = bench.run(bench.store.put_contact(contact(external_id="42")))
    bench.clock.advance(1)
    second = bench.run(bench.store.put_contact(Contact(first.recipient, None, {SMS: "+4915112345678"})))
    assert bench.run(bench.store.contact(first.recipient)) == second
    assert (second.external_id, second.addresses, second.locale, second.time_zone) == (
        None, {SMS: "+4915112345678"}, "", "",
    )  # fmt: skip
    assert second.updated_at > first.updated_at


def test_a_contact_is_the_types_own(bench: StoreBench) -> None:
    same_id = str(uuid.uuid4())
    as_user = bench.run(bench.store.put_contact(contact(Recipient(RecipientType.USER, same_id))))
    as_guest = bench.run(bench.store.put_contact(contact(Recipient(RecipientType.GUEST, same_id), locale="de")))
    assert bench.run(bench.store.contact(as_user.recipient)) == as_user
    bench.run(bench.store.delete_contact(as_user.recipient))
    assert bench.run(bench.store.contact(as_user.recipient)) is None
    assert bench.run(bench.store.contact(as_guest.recipient)) == as_guest


def test_deleting_what_is_not_there_says_so_once_it_is_gone(bench: StoreBench) -> None:
    stored = bench.run(bench.store.put_contact(contact()))
    bench.run(bench.store.delete_contact(stored.recipient))
    with pytest.raises(ContactNotFound, match=f"the user {stored.recipient.id} has no contact"):
        bench.run(bench.store.delete_contact(stored.recipient))
    assert bench.run(bench.store.find_contacts(None, None, 10)).contacts == []


def test_several_are_read_at_once_and_those_without_are_left_out(bench: StoreBench) -> None:
    stored = [bench.run(bench.store.put_contact(contact())) for _ in range(3)]
    asked = [*(one.recipient for one in stored), user(), stored[0].recipient]
    assert bench.run(bench.store.contacts(asked)) == {one.recipient: one for one in stored}
    assert bench.run(bench.store.contacts([])) == {}


def test_pages_come_in_the_order_of_types_and_ids(bench: StoreBench) -> None:
    stored = [
        bench.run(bench.store.put_contact(contact(Recipient(kind, str(uuid.uuid4())))))
        for kind in RecipientType
        for _ in range(3)
    ]
    types = list(RecipientType)
    nobody = Recipient(RecipientType.PARTNER, "00000000-0000-0000-0000-000000000000")
    stored.append(bench.run(bench.store.put_contact(contact(nobody))))
    in_order = sorted(stored, key=lambda one: (types.index(one.recipient.type), one.recipient.id))
    for size in (1, 2, 3, 4, 16, 17):
        found = pages(bench, size=size)
        assert [one for page in found for one in page] == in_order, size
        assert all(len(page) == size for page in found[:-1]), size
        assert found[-1], size
    guests = [one for one in in_order if one.recipient.type == RecipientType.GUEST]
    assert pages(bench, RecipientType.GUEST) == [guests[:2], guests[2:]]


def test_a_page_ends_before_it_is_a_mebibyte_too_large(bench: StoreBench) -> None:
    large = {EMAIL: "x" * 300_000}
    stored = [bench.run(bench.store.put_contact(contact(addresses=large))) for _ in range(6)]
    found = pages(bench, size=500)
    assert [len(page) for page in found] == [4, 2]
    assert {one.recipient for page in found for one in page} == {one.recipient for one in stored}


def test_what_is_put_and_deleted_at_the_same_time_ends_as_one_of_the_two(bench: StoreBench) -> None:
    recipients = [user() for _ in range(8)]

    async def change(number: int) -> None:
        for recipient in recipients[:: 1 if number % 2 else -1]:
            await bench.store.put_contact(contact(recipient, locale=f"en-{number:03}"))
            if number == 7:
                await bench.store.delete_contact(recipient)

    try:
        in_loops(change, range(8))
    except ContactNotFound:  # nobody else deletes
        pytest.fail("what had just been put was not there")
    found = bench.run(bench.store.contacts(recipients))
    assert all(one.locale.startswith("en-00") for one in found.values())


def test_of_several_in_one_transaction_the_last_one_stays(bench: StoreBench) -> None:
    recipient = user()
    bench.together(*(bench.store.put_contact(contact(recipient, locale=f"en-{n:03}")) for n in range(50)))
    stored = bench.run(bench.store.contact(recipient))
    assert stored is not None
    assert stored.locale == "en-049"
