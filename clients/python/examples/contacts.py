"""Keep how somebody can be reached, and show all of whom that is known."""

import one_sentence  # noqa: F401 - how a failure is told

# isort: split
# quote: contacts
import os

from tocsin_client import Client

with Client(os.environ.get("TOCSIN_SERVER", "127.0.0.1:50051")) as tocsin:
    tocsin.put_contact(
        "user:ext:42",
        {"email": "ann@example.org", "sms": "+442079460000"},
        locale="pt-BR",
        time_zone="Europe/Lisbon",
    )
    for contact in tocsin.list_contacts("user"):
        print(contact.recipient, contact.addresses.get("email"), contact.locale, contact.time_zone)
# end of quote
