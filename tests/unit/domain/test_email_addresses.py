"""Which texts can be addresses of mail."""

from __future__ import annotations

import pytest

from dragoman.core.model.mail_addresses import is_email_address


@pytest.mark.parametrize(
    "text",
    [
        "a@b.it",
        "alessandro.magno@macedonia.com",
        "a+b=c@sub.example.co.uk",
        "!#$%&'*+/=?^_`{|}~-@example.com",
        "A@EXAMPLE.COM",
        "1@2.3",
        f"{'a' * 64}@example.com",
        f"a@{'b' * 63}.com",
    ],
)
def test_address_is_one(text: str) -> None:
    assert is_email_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a@", "@b.it", "a@b", "a@@b.it", "a@b@c.it", "a b@c.it", "a@b .it", " a@b.it",
        "a@b.it ", "a@b.it\n", ".a@b.it", "a.@b.it", "a..b@c.it", "a@.b.it", "a@b..it", "a@b.it.",
        "a@-b.it", "a@b-.it", "a,b@c.it", "<a@b.it>", '"a"@b.it', "a@[192.0.2.1]", "å@b.it",
        "a@å.it", "a\0@b.it", "a@b.it\r\nBcc: c@d.it", f"{'a' * 65}@b.it", f"a@{'b' * 64}.it",
        f"a@{'b.' * 126}it",
    ],
)  # fmt: skip
def test_other_text_is_no_address(text: str) -> None:
    assert not is_email_address(text)
