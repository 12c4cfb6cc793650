"""The parameters of `sendsms`; all values are octets until their charset is known."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.web.operations import doc


class SendParameters(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """The parameters of `sendsms`."""

    username: Annotated[str, doc("The account's user name; `user` is the same.")]
    password: Annotated[str, doc("Its password; `pass` is the same.")]
    to: Annotated[str, doc("The recipients, separated by blanks.")]
    from_: Annotated[str, doc("The sender; the account's default sender without it.")] = (
        msgspec.field(default="", name="from")
    )
    text: Annotated[str, doc("The text; octets for `coding` 1.")] = ""
    charset: Annotated[
        str, doc("Charset of the text: UTF-8 without it, UTF-16BE for `coding` 2.")
    ] = ""
    coding: Annotated[
        str, doc("0: text, 1: octets, 2: UCS-2. Without it, 1 where there is a `udh`.")
    ] = ""
    udh: Annotated[str, doc("The user data header, with its length.")] = ""
    smsc: Annotated[str, doc("Taken and ignored: routes are the gateway's.")] = ""
    mclass: Annotated[str, doc("Message class, 0 (flash) to 3.")] = ""
    mwi: Annotated[str, doc("Taken and ignored, 0 to 7.")] = ""
    compress: Annotated[str, doc("Taken and ignored, 0 or 1.")] = ""
    alt_dcs: Annotated[str, doc("Taken and ignored, 0 or 1.")] = ""
    rpi: Annotated[str, doc("Taken and ignored, 0 to 2.")] = ""
    pid: Annotated[str, doc("Protocol identifier, 0 to 255.")] = ""
    validity: Annotated[str, doc("Minutes until the message expires.")] = ""
    deferred: Annotated[str, doc("Minutes until it is sent.")] = ""
    priority: Annotated[str, doc("0 to 3; 2 and 3 go ahead of all others.")] = ""
    dlr_mask: Annotated[
        str,
        doc("What to report: 1 delivered, 2 failed, 8 taken by the carrier, 16 refused by it."),
    ] = ""
    dlr_url: Annotated[str, doc("The URL to call for it, with escapes.")] = ""
    account: Annotated[str, doc("A name of yours, up to 64 characters; `%o` in `dlr-url`.")] = ""
    binfo: Annotated[str, doc("Taken and ignored; `%B` is the failure in a report.")] = ""
    meta_data: Annotated[
        str, doc("`?group?name=value&…`; `%#group#name#` in `dlr-url`, not sent.")
    ] = ""
