import pytest

from dragoman.protocols.smpp.addresses import (
    AddressProfile,
    Numbering,
    address_recipient,
    address_sender,
)


@pytest.mark.parametrize(
    ("sender", "ton", "npi", "addr"),
    [
        ("4512345678", 1, 1, "4512345678"),
        ("+4512345678", 1, 1, "4512345678"),
        ("Dragoman", 5, 0, "Dragoman"),
        ("2good4you", 5, 0, "2good4you"),
        ("+45 1234", 5, 0, "+45 1234"),
        ("1234", 3, 0, "1234"),
        ("123456", 3, 0, "123456"),
        ("1234567", 1, 1, "1234567"),
        ("+1234", 1, 1, "1234"),
        ("²²", 5, 0, "²²"),
        ("", 0, 0, ""),
    ],
)
def test_sender_gets_the_numbering_of_its_kind(sender: str, ton: int, npi: int, addr: str) -> None:
    address = address_sender(sender)
    assert (address.ton, address.npi, address.addr) == (ton, npi, addr)


@pytest.mark.parametrize("number", ["4512345678", "+4512345678"])
def test_recipient_is_international(number: str) -> None:
    address = address_recipient(number)
    assert (address.ton, address.npi, address.addr) == (1, 1, "4512345678")


def test_profile_replaces_every_choice() -> None:
    unknown = Numbering(0, 0)
    profile = AddressProfile(
        international=unknown,
        alphanumeric=unknown,
        short_code=Numbering(3, 1),
        recipient=Numbering(1, 0),
        short_code_digits=8,
        plus_sign=True,
    )
    found = [
        (address.ton, address.npi, address.addr)
        for address in (
            address_sender("4512345678", profile),
            address_sender("Dragoman", profile),
            address_sender("12345678", profile),
            address_recipient("4512345678", profile),
        )
    ]
    assert found == [
        (0, 0, "+4512345678"),
        (0, 0, "Dragoman"),
        (3, 1, "12345678"),
        (1, 0, "+4512345678"),
    ]
