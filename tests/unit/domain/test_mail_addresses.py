"""Addresses that mail can be sent to."""

import pytest

from dragoman.core.model.mail_addresses import domain_of, key_of, parse_mail_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ema@il.com", "ema@il.com"),
        (" Ann.Lee+tag@Example.COM ", "Ann.Lee+tag@example.com"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
    ],
)
def test_parse_mail_address_when_it_can_be_written_to(text: str, address: str) -> None:
    assert parse_mail_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@host",
        "ann@@example.com",
        "a b@example.com",
        "ann@exam ple.com",
        '"ann"@example.com',
        "änn@example.com",
        "ann@example..com",
        "ann@-example.com",
        "ann@example.com\r\nBcc: all@example.com",
        "ann@example.com>\r\nDATA",
        "ann@example.com,bob@example.com",
        "Ann <ann@example.com>",
        f"{'a' * 65}@example.com",
        f"ann@{'a.' * 130}com",
        f"ann@{'ü' * 100}.example",
        "ann@exa\0mple.com",
        "ann@\ud800.example",
    ],
)
def test_parse_mail_address_when_nobody_can_write_to_it(text: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        parse_mail_address(text)


def test_key_of_two_spellings_is_one() -> None:
    assert key_of("Ann@example.com") == key_of("ann@example.com")
    assert domain_of("ann@example.com") == "example.com"
