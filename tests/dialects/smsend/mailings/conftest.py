"""A customer with a list, contacts and a group."""

from __future__ import annotations

from typing import Any

import pytest

LIST = {
    "title": "MyNewList",
    "id_language": "ita",
    "email_sender": "ema@il.com",
    "reply_to": "ema@il.com",
    "company_name": "MyCompany",
    "company_address": "My Company Address",
    "company_url": "www.mycompany.com",
    "company_phone": "+34123456789",
    "company_fax": "+341234567810",
}
ISSUE = {
    "title": "New title",
    "subject": "Hello world!",
    "share_social": False,
    "web_analytics": "www.google.it?a=b",
    "text_content": "Test email",
    "html_content": "<body><table><tr><td>Hello world!</td></tr><table></body>",
    "attachments": [
        {"file_name": "attach1.pdf", "file_content_base64": "ABAAC2"},
        {"file_name": "attach2.pdf", "file_content_base64": "PBAAC2"},
    ],
}


class Desk:
    """What a customer has made, by where it is."""

    def __init__(self, smsend: Any) -> None:
        self.smsend = smsend

    async def make(self, target: str, body: object) -> str:
        answer = await self.smsend.post(target, body)
        assert answer.status == 201, answer.body
        return str(answer.location.removeprefix("/"))

    async def list(self) -> str:
        return await self.make("list", LIST)

    async def issue(self, list_path: str, **changed: object) -> str:
        return await self.make(f"{list_path}/issue", ISSUE | changed)

    async def contact(self, email: str, **fields: object) -> str:
        """The identifier of a new contact."""
        return (await self.make("contact", {"email": email, **fields})).removeprefix("contact/")


@pytest.fixture
def desk(smsend: Any) -> Desk:
    return Desk(smsend)
