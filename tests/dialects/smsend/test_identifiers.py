"""Identifiers that the manual prints as Int: programs with typed clients keep 32 bits of them."""

from __future__ import annotations

from typing import Any

from .mailings.conftest import ISSUE, LIST
from .test_aliases import PRINTED

LIMIT = 1 << 31
PURCHASE = {
    "super-to-sub": True,
    "price": 37.0,
    "message-types": [{"message-type": "GP", "unit-price": 1.2}],
}


async def test_identifiers_fit_32_bits(smsend: Any) -> None:
    made: dict[str, int] = {"user_key": int(smsend.user_key)}

    async def post(target: str, body: object) -> str:
        answer = await smsend.post(target, body)
        assert answer.status in (200, 201), answer.body
        name = target.rpartition("/")[2]
        if answer.location and name != "purchase":
            made[name] = int(answer.location.rpartition("/")[2])
        return str(answer.location.removeprefix("/"))

    await smsend.post("alias", PRINTED)
    made["alias"] = (await smsend.get("alias")).json["alias"][0]["id-alias"]
    made["subaccount"] = int(await smsend.subaccount("sub", mode=2))
    purchases = f"subaccount/{made['subaccount']}/purchase"
    await post(purchases, {"purchases": [PURCHASE]})
    made["purchase"] = (await smsend.get(purchases)).json["purchases"][0]["id_purchase"]
    list_path = await post("list", LIST)
    await post(f"{list_path}/issue", ISSUE)
    await post("template", {"text": "Hello"})
    await post("group", {"name": "Friends", "description": "d"})
    assert list(made) == [
        *("user_key", "alias", "subaccount", "purchase", "list", "issue", "template", "group")
    ]
    assert {name: value for name, value in made.items() if not 0 < value < LIMIT} == {}
