"""Recipients and ids, as requests name them."""

from __future__ import annotations

from tocsin.v1 import notification_pb2 as pb

from tocsin_server.domain.ids import derived_id
from tocsin_server.domain.model import Recipient, RecipientType
from tocsin_server.rpc import validation
from tocsin_server.rpc.convert.words import RECIPIENT_TYPE_PROBLEM, RECIPIENT_TYPES
from tocsin_server.rpc.validation import Violations


def read_id(value: str, field: str = "id") -> str:
    """Read an id of a request that has nothing else to check."""
    problems = Violations()
    found = checked_id(value, field, problems)
    problems.raise_any()
    return found


def checked_id(value: str, field: str, problems: Violations) -> str:
    """Read an id: as it is kept, in lower case."""
    if (problem := validation.id_problem(value)) is not None:
        problems.add(field, problem)
    return value.lower()


def checked_recipient(
    message: pb.Recipient, problems: Violations, *, registered: bool, field: str = "recipient"
) -> Recipient:
    """Read a recipient, of whom it makes no difference by which kind of id they are named.

    ``registered`` demands that they are.
    """
    recipient_type = RECIPIENT_TYPES.get(message.type)
    if recipient_type is None:
        problems.add(f"{field}.type", RECIPIENT_TYPE_PROBLEM)
        recipient_type = RecipientType.OTHER
    if external_id := message.external_id:
        return Recipient(recipient_type, _derived(recipient_type, external_id, message.id, field, problems))
    if message.id:
        return Recipient(recipient_type, checked_id(message.id, f"{field}.id", problems))
    if registered:
        problems.add(f"{field}.id", "must be given, or external_id")
    return Recipient(recipient_type, None)


def _derived(kind: RecipientType, external_id: str, beside: str, field: str, problems: Violations) -> str | None:
    problem = validation.external_id_problem(external_id)
    if problem is not None:
        problems.add(f"{field}.external_id", problem)
        return None
    derived = derived_id(kind, external_id)
    # Together they come from an answer of ours that is handed back as it was.
    if beside and beside.lower() != derived:
        problems.add(f"{field}.external_id", "must be of the recipient that id names, or come without it")
    return derived


def read_recipient(message: pb.Recipient) -> Recipient:
    """Read a registered recipient of a request that has nothing else to check."""
    problems = Violations()
    recipient = checked_recipient(message, problems, registered=True)
    problems.raise_any()
    return recipient
