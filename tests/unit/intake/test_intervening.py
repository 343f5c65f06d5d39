"""Cancelling and retrying: for the owner, and for whoever may for anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from helpers.drafts import EMAIL, SMS, notification
from tocsin_server.domain.errors import ChannelNotConfigured, NotificationNotFound, PermissionDenied, TocsinError
from tocsin_server.domain.model import ChannelType, Notification
from tocsin_server.intake.intervening import Interventions, Mandate

SHOPS = notification(owner="shop")
OWNER, OTHER, ANYBODY = Mandate("shop", False, "a/B"), Mandate("desk", False, "a/B"), Mandate("desk", True, "a/B")


class Register:
    """A store of one notification that remembers what was done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.refusals: Mapping[ChannelType, TocsinError] = {}

    async def get(self, notification_id: str) -> Notification:
        if notification_id != SHOPS.id:
            raise NotificationNotFound(notification_id)
        return SHOPS

    async def cancel(self, notification_id: str) -> Notification:
        self.done.append("cancel")
        return await self.get(notification_id)

    async def retry(
        self, notification_id: str, channels: Sequence[ChannelType], refusals: Mapping[ChannelType, TocsinError]
    ) -> Notification:
        self.done.append(f"retry {','.join(channels)}")
        self.refusals = refusals
        return await self.get(notification_id)


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def interventions(register: Register) -> Interventions:
    return Interventions(register, {EMAIL: True}, {EMAIL: "TOCSIN_SMTP_URL", SMS: "TOCSIN_TWILIO_ACCOUNT_SID"})


@pytest.mark.parametrize("mandate", [OWNER, ANYBODY])
async def test_the_owner_and_whoever_may_for_anybody_change_it(
    interventions: Interventions, register: Register, mandate: Mandate
) -> None:
    assert await interventions.cancel(SHOPS.id, mandate) is SHOPS
    assert await interventions.retry(SHOPS.id, [EMAIL, SMS], mandate) is SHOPS
    assert register.done == ["cancel", "retry email,sms"]
    assert set(register.refusals) == {SMS}
    assert isinstance(register.refusals[SMS], ChannelNotConfigured)


async def test_another_caller_changes_nothing_and_learns_no_content(
    interventions: Interventions, register: Register
) -> None:
    for attempt in (interventions.cancel(SHOPS.id, OTHER), interventions.retry(SHOPS.id, [], OTHER)):
        with pytest.raises(PermissionDenied) as refused:
            await attempt
        assert refused.value.metadata == {"method": "a/B"}
        assert SHOPS.title not in refused.value.message
        assert "shop" not in refused.value.message
    assert register.done == []


async def test_what_does_not_exist_is_not_found(interventions: Interventions) -> None:
    with pytest.raises(NotificationNotFound):
        await interventions.cancel("none", OTHER)
