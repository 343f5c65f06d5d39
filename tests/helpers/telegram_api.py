"""A server that speaks the part of Telegram's Bot API that sends messages.

https://core.telegram.org/bots/api#making-requests and https://core.telegram.org/bots/api#sendmessage
"""

from __future__ import annotations

from helpers.scripted_http import Reply, Request, ScriptedHttpServer

BOT_ID = "123456789"
TOKEN = f"{BOT_ID}:telegram-bot-token-for-tests-00000"


def error(code: int, description: str, **parameters: int) -> Reply:
    """Make an error as the Bot API answers it; ``parameters`` are ``retry_after`` and ``migrate_to_chat_id``."""
    body: dict[str, object] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        body["parameters"] = parameters
    return Reply(code, body)


class TelegramApi(ScriptedHttpServer):
    """Accepts messages of one bot and numbers them."""

    def answer(self, request: Request) -> Reply:
        if request.path == f"/bot{TOKEN}/getMe":
            return Reply(200, {"ok": True, "result": {"id": int(BOT_ID), "is_bot": True, "first_name": "Tocsin"}})
        if request.path != f"/bot{TOKEN}/sendMessage":
            return error(401, "Unauthorized")
        form = request.form
        if not form.get("text"):
            return error(400, "Bad Request: message text is empty")
        if len(form["text"]) > 4096:
            return error(400, "Bad Request: message is too long")
        chat = form.get("chat_id", "")
        if not chat.lstrip("-").isdecimal() and not chat.startswith("@"):
            return error(400, "Bad Request: chat not found")
        return Reply(200, {"ok": True, "result": self.message(chat, form["text"])})

    def message(self, chat: str, text: str) -> dict[str, object]:
        """Make the Message object that answers sendMessage."""
        where: dict[str, object] = (
            {"id": -1001234567890, "type": "channel", "username": chat[1:]}
            if chat.startswith("@")
            else {"id": int(chat), "type": "private" if int(chat) > 0 else "group"}
        )
        return {
            "message_id": len(self.requests),
            "from": {"id": int(BOT_ID), "is_bot": True, "first_name": "Tocsin"},
            "chat": where,
            "date": 1760000000,
            "text": text,
        }
