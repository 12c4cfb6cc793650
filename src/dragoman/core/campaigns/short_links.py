"""Short links under the operator's own host: made of a text's links, followed, and counted.

All recipients of a campaign get the same link, so it is known how often it was followed and not by
whom. Clicks are counted in memory and stored every few seconds; a crash loses those few.
"""

from __future__ import annotations

import re
import secrets
import string
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import field
from typing import Final

from dragoman.core.campaigns.model.text_campaigns import LinkView
from dragoman.core.campaigns.sql import short_links
from dragoman.core.campaigns.sql.text_campaigns import NewLink
from dragoman.core.model.use_case import use_case
from dragoman.core.placement.placement import Placement
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.kit.periodic import repeat
from dragoman.storage.engine import Storage

PATH: Final = "/l"
TOKEN_LENGTH: Final = 7
"""62 to the 7th: three and a half million million links."""
STORE_EVERY_S: Final = 5.0
MAX_KNOWN: Final = 10_000
"""Links whose address is remembered."""
MAX_LINKS: Final = 20
"""Links of one text."""
_ALPHABET: Final = string.ascii_letters + string.digits
_LINK: Final = re.compile(r"https?://[^\s\[\]<>\"]+", re.ASCII | re.IGNORECASE)
_CLOSING: Final = ".,;:!?)'"
"""What ends a sentence rather than an address."""
_TOKEN: Final = re.compile(rf"[A-Za-z0-9]{{{TOKEN_LENGTH}}}")


def new_token() -> str:
    """A token that nobody guesses."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(TOKEN_LENGTH))


@use_case(kw_only=True)
class ShortLinks:
    """Makes and follows short links; without `public_url` there are none."""

    storage: Storage
    placement: Placement
    ids: IdSource
    clock: Clock
    public_url: str
    make_token: Callable[[], str] = new_token
    _urls: OrderedDict[str, str | None] = field(default_factory=OrderedDict, init=False)
    _clicks: Counter[str] = field(default_factory=Counter, init=False)

    @property
    def enabled(self) -> bool:
        """Whether links can be shortened."""
        return bool(self.public_url)

    async def run(self) -> None:
        """Stores clicks; runs until cancelled."""
        await repeat(STORE_EVERY_S, self.store_clicks, "clicks_not_stored")

    def shorten(self, text: str, campaign_id: int) -> tuple[str, tuple[NewLink, ...]]:
        """A text with short links, and those to store; one that repeats is made once.

        An address with a placeholder in it is another one for each recipient, and stays.
        """
        made: dict[str, NewLink] = {}

        def replace(match: re.Match[str]) -> str:
            url = match[0].rstrip(_CLOSING)
            if text[match.end() : match.end() + 1] == "[" or (
                url not in made and len(made) >= MAX_LINKS
            ):
                return match[0]
            if url not in made:
                made[url] = NewLink(
                    link_id=self.ids.next(),
                    campaign_id=campaign_id,
                    token=self.make_token(),
                    url=url,
                )
            return self.address_of(made[url].token) + match[0][len(url) :]

        return _LINK.sub(replace, text), tuple(made.values())

    def address_of(self, token: str) -> str:
        """The address of a link."""
        return f"{self.public_url.rstrip('/')}{PATH}/{token}"

    async def follow(self, token: str, *, counts: bool) -> str | None:
        """Where a link leads; None for an unknown one."""
        if _TOKEN.fullmatch(token) is None:
            return None
        if token not in self._urls:
            await self.placement.check("link", token)
            url = await self.storage.read(lambda c: short_links.find_url(c, token))
            self._urls[token] = url
            if len(self._urls) > MAX_KNOWN:
                self._urls.popitem(last=False)
        url = self._urls[token]
        if url is None:
            del self._urls[token]  # it may be made later
        elif counts:
            self._clicks[token] += 1
        return url

    async def store_clicks(self) -> None:
        """Stores what was counted."""
        clicks, self._clicks = self._clicks, Counter()
        at_ms = self.clock.now_ms()
        try:
            while clicks:
                token, number = next(iter(clicks.items()))
                item = short_links.Clicks(token=token, clicks=number, at_ms=at_ms)
                await self.storage.writer.write(short_links.count_clicks, item)
                del clicks[token]
        finally:
            self._clicks.update(clicks)

    async def of_campaign(self, campaign_id: int) -> list[LinkView]:
        """The links of a campaign."""
        return await self.storage.read(lambda c: short_links.of_campaign(c, campaign_id))
