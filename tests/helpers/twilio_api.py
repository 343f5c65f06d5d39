"""A server that speaks the part of Twilio's API that sends messages.

https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource and
https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions
"""

from __future__ import annotations

import base64

from helpers.scripted_http import Reply, Request, ScriptedHttpServer

ACCOUNT_SID = "AC00000000000000000000000000000001"
AUTH_TOKEN = "twilio-auth-token-for-tests"
FROM = "+15550100"


def error(status: int, code: int, text: str, **headers: str) -> Reply:
    """Make an error as Twilio answers it; ``Retry_After`` becomes the header Retry-After."""
    body = {
        "code": code,
        "message": text,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


class TwilioApi(ScriptedHttpServer):
    """Accepts messages of one account and gives them SIDs."""

    state = "active"
    """Of the account."""

    def answer(self, request: Request) -> Reply:
        account = f"/2010-04-01/Accounts/{ACCOUNT_SID}"
        reads = (request.method, request.path) == ("GET", f"{account}.json")
        if not reads and (request.method, request.path) != ("POST", f"{account}/Messages.json"):
            return error(404, 20404, f"The requested resource {request.path} was not found")
        expected = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return error(401, 20003, "Authenticate")
        if reads:
            return Reply(200, {"sid": ACCOUNT_SID, "status": self.state, "friendly_name": "Shop", "type": "Full"})
        form = request.form
        if not form.get("To"):
            return error(400, 21604, "A 'To' phone number is required.")
        if not form.get("From") and not form.get("MessagingServiceSid"):
            return error(400, 21603, "A 'From' phone number is required.")
        if not form.get("Body"):
            return error(400, 21602, "Message body is required.")
        return Reply(201, self.message(form))

    def message(
        self, form: dict[str, str], *, status: str = "queued", error_code: int | None = None
    ) -> dict[str, object]:
        """Make the message resource that answers a creation."""
        return {
            "account_sid": ACCOUNT_SID,
            "api_version": "2010-04-01",
            "body": form.get("Body"),
            "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
            "date_sent": None,
            "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
            "direction": "outbound-api",
            "error_code": error_code,
            "error_message": None,
            "from": form.get("From"),
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "num_media": "0",
            "num_segments": "1",
            "price": None,
            "price_unit": None,
            "sid": f"SM{len(self.requests):032x}",
            "status": status,
            "subresource_uris": {},
            "to": form.get("To"),
            "uri": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/SM{len(self.requests):032x}.json",
        }
