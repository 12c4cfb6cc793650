"""What this API takes and answers, field by field, with the manual's names, order and types.

Values that programs send in several types are unions here and are read by `submissions`.
"""

from __future__ import annotations

from typing import Annotated, Any, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.web.operations import doc

Text = str | int | None
Number = int | str | None
Flag = bool | int | str | None
When = Annotated[str, doc("dd-mm-YYYY HH:MM")]
Subusers = Annotated[str, doc("1 finds messages of all users below the caller too.")]
Structure = dict[str, Any] | list[Any] | str | None


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message to send (LINK v2 s. 08)."""

    recipients: Annotated[
        str | int | list[str | int] | None,
        doc(
            "Numbers with `+` and country code, `c` and the number of a contact, and"
            " numbers of lists, separated by commas."
        ),
    ] = None
    sender: Annotated[Text, doc("Up to 11 letters, or a number with `+`.")] = None
    message: Annotated[Text, doc("The text; hexadecimal octets where format is BINARY.")] = None
    status: Annotated[Flag, doc("Whether statusurl is to be called.")] = None
    statusurl: Annotated[Flag, doc("Is called with GET for each change of the status.")] = None
    returndata: Annotated[Text, doc("Comes back in the call of statusurl.")] = None
    class_: Annotated[Number, doc("0 to 3; 0 is a flash message.")] = msgspec.field(
        default=None, name="class"
    )
    sendtime: Annotated[str | None, doc("dd-mm-YYYY HH:MM; now if it is past.")] = None
    price: Annotated[
        Number, doc("What the recipient pays, in the smallest unit; at least 100.")
    ] = None
    charity: Annotated[Flag, doc("Whether the price is for charity.")] = None
    invoicetext: Annotated[
        Text, doc("Goes with price: up to 40 characters for the phone bill.")
    ] = None
    validity: Annotated[Number, doc("Minutes; 2880 if not given.")] = None
    contenttype: Annotated[
        Number, doc("Goes with price: what is sold, see premium/contenttypes.")
    ] = None
    format: Annotated[str | None, doc("GSM, UNICODE, BINARY, MMS or WAPPUSH.")] = None
    udh: Annotated[str | None, doc("Hexadecimal header of a BINARY message.")] = None
    attachment: Annotated[Structure, doc("URLs of the files of an MMS.")] = None
    pushurl: Annotated[Text, doc("The link of a WAPPUSH message.")] = None
    pushexpire: Annotated[Number, doc("Unix time; 7 days after sending if not given.")] = None
    filter: Annotated[Structure, doc("Which contacts of lists: match (any, all) and rules.")] = None
    segmentation: Annotated[
        Structure, doc("How many contacts of lists: count, percent, exclude.")
    ] = None
    pid: Annotated[Number, doc("GSM protocol identifier, 0 to 255.")] = None
    advanced: Annotated[Text, doc("The key that opens protocol.")] = None
    protocol: Annotated[Text, doc("Shown as the protocol of the message; needs advanced.")] = None
    charset: Annotated[str | None, doc("Not needed: the body itself says its charset.")] = None
    revenuetext: Annotated[Text, doc("Goes with price: a name for a group of messages.")] = None


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters by which every call is authenticated (LINK v2 s. 03)."""

    apikey: Annotated[str, doc("The account's key, or `legacy`.")]
    username: Annotated[str, doc("With `apikey=legacy`.")] = ""
    password: Annotated[str, doc("With `apikey=legacy`.")] = ""
    type: Annotated[str, doc("How the password of `legacy` is written: md5 or plain.")] = "plain"


class ExpandQuery(Credentials, frozen=True, kw_only=True):
    """What the expansion of a batch asks for (LINK v2 s. 08)."""

    advanced: Annotated[str, doc("The advanced key.")] = ""
    after: Annotated[str, doc("The last number that was read; the answer begins beyond it.")] = ""


class SearchQuery(Credentials, frozen=True, kw_only=True):
    """The filters that inbox and outbox share (LINK v2 s. 09)."""

    recipient: str = ""
    sender: str = ""
    starttime: When = ""
    endtime: When = ""


class InboxQuery(SearchQuery, frozen=True, kw_only=True):
    """The filters of the inbox (LINK v2 s. 09)."""

    msgid: str = ""
    message: Annotated[str, doc("Part of the text; * and % are wildcards.")] = ""
    keyword: str = ""


class OutboxQuery(SearchQuery, frozen=True, kw_only=True):
    """The filters of the outbox (LINK v2 s. 09)."""

    price: str = ""
    price_expression: Annotated[str, doc("<, > or =")] = ""
    batchid: str = ""
    msgid: str = ""
    message: Annotated[str, doc("Part of the text; * and % are wildcards.")] = ""
    status: Annotated[str, doc("queued, buffered, received, rejected or expired.")] = ""
    mcc: Annotated[str, doc("Mobile country codes, separated by commas.")] = ""
    subusers: Subusers = ""


class OutboxLookupQuery(Credentials, frozen=True, kw_only=True):
    """What a look-up of a sent message takes (LINK v2 s. 09)."""

    subusers: Subusers = ""


class Answer(Protocol):
    """Any answer; `status` repeats the HTTP status and stands where the manual has it."""

    @property
    def status(self) -> int: ...


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a request."""

    status: int
    message: str


class MessageFirst(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a request, where the manual prints the message first."""

    message: str
    status: int


class Ping(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's account."""

    status: int
    userid: str
    username: str
    iprange: str
    apikey: str


class Stat(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages of a batch are where; zeros until it runs."""

    sendtime: str
    buffered: int
    received: int
    rejected: int


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a batch."""

    sendtime: str
    batchid: str
    state: Annotated[str, doc("QUEUED, RUNNING or DONE.")]


class BatchStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The batch status object."""

    stat: Stat
    details: Details
    status: int


class BatchMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient of a batch."""

    msgid: str
    status: str
    recipient: str
    statusreason: str


class BatchPaging(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of a batch's messages this is."""

    current: int
    pages: int


class BatchMessages(msgspec.Struct, frozen=True, kw_only=True):
    """The batch status object with a page of its messages."""

    message: tuple[BatchMessage, ...]
    stat: Stat
    details: Details
    paging: BatchPaging
    status: int


class ExpandedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a batch is for, with their merge fields."""

    header: tuple[str, ...]
    data: tuple[tuple[str, ...], ...]
    status: int


class ListedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as the list of the newest shows it."""

    batchid: str
    time: str
    state: str
    sender: str
    msg: str
    protocol: str


class NewestBatches(msgspec.Struct, frozen=True, kw_only=True):
    """The newest batches, those that wait for their time included."""

    messages: tuple[ListedBatch, ...]
    status: int


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of a search this is; `offset` is the size of a page."""

    pages: int
    offset: int
    current: int


class OutboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was sent, as a search shows it."""

    lookupid: str
    msgid: str
    batchid: str
    status: str
    statusreason: str | None
    recipient: str
    sender: str
    logtime: str
    protocol: str
    message: str
    statuscode: str
    mcc: str
    mnc: str
    userid: str
    splitcount: str
    push_price: Annotated[
        int | UnsetType, doc("What the recipient pays; only of premium messages.")
    ] = UNSET
    contenttype: Annotated[str | UnsetType, doc("What is sold; only of premium messages.")] = UNSET
    state: Annotated[str | UnsetType, doc("How far the charge is; only of premium messages.")] = (
        UNSET
    )


class OutboxStats(msgspec.Struct, frozen=True, kw_only=True):
    """All that a search found: messages and their parts."""

    total: int
    splitcount: int


class OutboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the messages that a search found."""

    query: tuple[OutboxItem, ...]
    paging: Paging
    stats: OutboxStats
    status: int


class OutboxDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was sent, with all that is known of it."""

    msgid: str
    batchid: str
    status: str
    statusreason: str
    recipient: str
    sender: str
    logtime: str
    protocol: str
    message: str
    returndata: str
    statusurl: str
    statusresponse: str
    statuscode: str
    push_price: str
    userid: str
    splitcount: str
    state: str


class OutboxLookup(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about one message that was sent."""

    query: OutboxDetails
    status: int


class InboxItem(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was received, as a search shows it."""

    lookupid: str
    msgid: str
    recipient: str
    sender: str
    logtime: str
    message: str


class InboxStats(msgspec.Struct, frozen=True, kw_only=True):
    """How many texts a search found."""

    total: int


class InboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the texts that a search found."""

    query: tuple[InboxItem, ...]
    paging: Paging
    stats: InboxStats
    status: int


class InboxDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was received, with what became of it."""

    msgid: str
    recipient: str
    sender: str
    logtime: str
    message: str
    keyword: str
    function: str


class InboxLookup(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about one text that was received."""

    query: InboxDetails
    status: int
