"""What the account has left, and the link to the console."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from dragoman.config.settings import Settings
from dragoman.config.tables import MessageTypeTable
from dragoman.core.model.errors import Refused

STATUS = (
    b'{"money":%b,"sms":[%b],'
    b'"email":{"bandwidth":2000.0,"purchased":"2026-09-21","billing":"EMAILPERHOUR",'
    b'"expiry":"9999-12-31"},"landing":null}'
)


def types(**quantities: int) -> bytes:
    return ",".join(
        f'{{"type":"{name}","quantity":{quantity}}}' for name, quantity in quantities.items()
    ).encode()


@pytest.mark.parametrize(
    ("target", "money", "sms"),
    [
        ("status", b"null", types(GP=1000, GS=1000, SI=1000, EE=1000)),
        ("status?getMoney=false", b"null", types(GP=1000, GS=1000, SI=1000, EE=1000)),
        ("/status?getMoney=true", b"0.0", types(GP=1000, GS=1000, SI=1000, EE=1000)),
        ("status?typeAliases=true", b"null", types(N=1000, L=1000, LL=1000, EE=1000)),
        ("status?getMoney=&typeAliases=", b"null", types(GP=1000, GS=1000, SI=1000, EE=1000)),
    ],
)
async def test_status_tells_what_is_left(
    smsend: Any, target: str, money: bytes, sms: bytes
) -> None:
    """`typeAliases` was read the wrong way round; clients look for `GP` where it is not given."""
    answer = await smsend.get(target)
    assert (answer.status, answer.body) == (200, STATUS % (money, sms))
    assert answer.headers[b"content-type"] == b"application/json"


class TestTypeNamedByItsBrand:
    """`message_type` is `AD` at brands that sell it under this name."""

    @pytest.fixture
    def configure(self) -> Callable[[Settings], Settings]:
        types = (
            MessageTypeTable(name="N", aliases=("GP",)),
            MessageTypeTable(name="AD", aliases=("SI",)),
        )
        return partial(msgspec.structs.replace, message_types=types)

    async def test_status_has_the_configured_name(self, smsend: Any) -> None:
        answer = await smsend.get("status?typeAliases=true")
        assert answer.body == STATUS % (b"null", types(N=1000, AD=1000))
        answer = await smsend.get("status")
        assert answer.body == STATUS % (b"null", types(GP=1000, SI=1000))


async def test_status_of_types_with_wallets_of_their_own(smsend: Any) -> None:
    services = smsend.services
    account = await services.accounts.find("username")
    await services.credits.top_up(account, services.credits.types.find("SI"), 7)
    answer = await smsend.get("status")
    assert answer.body == STATUS % (b"null", types(GP=1000, GS=1000, SI=7, EE=1000))


async def test_status_without_a_limit_fits_the_int_of_java(smsend: Any) -> None:
    await smsend.begin("other")
    assert (await smsend.get("status")).json["sms"][0]["quantity"] == 2**31 - 1


@pytest.mark.parametrize("target", ["status?getMoney=yes", "status?typeAliases=2"])
async def test_status_with_a_bad_flag_is_refused(smsend: Any, refused: Any, target: str) -> None:
    answer = await refused(smsend.get(target))
    assert answer.status == 400
    assert answer.json["error_message"].startswith("Invalid value for parameter [")


async def test_dashboard_is_a_link_that_works_once_and_soon(smsend: Any) -> None:
    answer = await smsend.ask("GET", "dashboard", headers=[*smsend.keys, ("Host", "sms.test:80")])
    assert answer.status == 200
    assert answer.masked == b"http://sms.test:80/console/enter?k=<token>"
    token = answer.body.decode().partition("k=")[2]
    account = await smsend.services.one_time_links.redeem(token, "192.0.2.1")
    assert str(account.account_id) == smsend.user_key
    with pytest.raises(Refused, match="used or too old"):
        await smsend.services.one_time_links.redeem(token, "192.0.2.1")


async def test_dashboard_link_is_too_old_after_a_minute(smsend: Any) -> None:
    answer = await smsend.ask("GET", "dashboard", headers=[*smsend.keys, ("Host", "sms.test")])
    token = answer.body.decode().partition("k=")[2]
    smsend.clock.advance(60)
    with pytest.raises(Refused, match="used or too old"):
        await smsend.services.one_time_links.redeem(token, "192.0.2.1")
    await smsend.begin()
    await smsend.ask("GET", "dashboard", headers=[*smsend.keys, ("Host", "sms.test")])
    assert (await smsend.rows())["one_time_links"] == 1  # the old one is gone


@pytest.mark.parametrize("host", ["", "a b", "evil.test/x?", "x\x01", "[::1"])
async def test_dashboard_is_no_link_to_a_strange_host(smsend: Any, refused: Any, host: str) -> None:
    answer = await refused(smsend.ask("GET", "dashboard", headers=[*smsend.keys, ("Host", host)]))
    assert answer.status == 400
