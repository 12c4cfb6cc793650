"""The addresses of mail to SMS."""

import pytest

from dragoman.dialects.linkmobility.mail import MailAddress, parse_address

KEY = "a1bd9f58b7d6a45b48fa92c427132c4ad3744afdebf8b99af207de991f78f9d4"


@pytest.mark.parametrize(
    ("local_part", "address"),
    [
        (f"{KEY}+sms4512345678", MailAddress(key=KEY, number="+4512345678")),
        (f"{KEY.upper()}+SMS4512345678", MailAddress(key=KEY, number="+4512345678")),
        ("A-Chosen-Key-Of-Mine+sms45", MailAddress(key="A-Chosen-Key-Of-Mine", number="+45")),
        (
            f"class=0+sender=My%20Shop+{KEY}+sms45",
            MailAddress(key=KEY, number="+45", options=(("class", "0"), ("sender", "My Shop"))),
        ),
        (
            f"sender=%2B4512345678+{KEY}+sms45",
            MailAddress(key=KEY, number="+45", options=(("sender", "+4512345678"),)),
        ),
        (f"pid=+{KEY}+sms45", MailAddress(key=KEY, number="+45", options=(("pid", ""),))),
    ],
)
def test_address_is_read(local_part: str, address: MailAddress) -> None:
    assert parse_address(local_part) == address


@pytest.mark.parametrize(
    "local_part",
    [
        "",
        "sms45",
        "+sms45",
        KEY,
        f"{KEY}+sms",
        f"{KEY}+sms+45",
        f"{KEY}+45",
        f"{KEY}+sms45a",
        f"{KEY}+sms{'4' * 16}",
        f"{KEY}+sms٤٥",
        f"flash+{KEY}+sms45",
        f"=0+{KEY}+sms45",
        "a=b++sms45",
    ],
)
def test_other_addresses_are_refused_without_the_key(local_part: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        parse_address(local_part)
    assert KEY not in str(caught.value)
