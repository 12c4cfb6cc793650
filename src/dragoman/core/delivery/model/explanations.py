"""What would happen to a message before it is sent: its route, its carriers, what they cost."""

from __future__ import annotations

import msgspec


class CarrierPreview(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier of the route."""

    name: str
    chosen: bool = False
    """Whether the next such message would go there."""
    obstacle: str = ""
    """Why it would not: `down`, `held`, `at_limit`, `left_out`, `sender_refused`; empty if it
    could."""
    cost: str = ""
    """What it charges for a part; empty if its price list does not say."""
    margin: str = ""
    """What is left of the price of the message."""
    sender: str = ""
    """The sender that it would be given."""
    sender_rule: str = ""
    """What its country's rule does to the sender, and why; empty for nothing."""
    delivery_rate: float | None = None
    """Of the last hour in the country, or in those with few results; None if not known."""
    delivered_after_s: float | None = None
    """The mean time to delivery."""
    left_today: int | None = None
    """Parts until its limit of the day; None without one."""


class RouteExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """The route of a message and the rule that decides on it."""

    recipient: str
    account: str
    country: str
    """Its name."""
    mcc: str
    network: str = ""
    route: str = ""
    """Empty where no route takes it."""
    reason: str = ""
    prefix: str = ""
    """Of the route, if it decided."""
    conditions: tuple[str, ...] = ()
    """What the route asks for, as its settings say it."""
    preference: str = ""
    """How the route chooses among its carriers."""
    carriers: tuple[CarrierPreview, ...] = ()
    others: tuple[str, ...] = ()
    """Further routes that match, which would come next if this one did not exist."""
    alphabet: str = ""
    parts: int = 0
    credits: int = 0
    """Of the whole message."""
    price: str = ""
    """Of the whole message, as the customer is shown it."""
    refusal: str = ""
    """Why it would be refused; empty if it would not."""
