"""What the calls take and answer; the order of the fields is that of the provider's answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from dragoman.web.operations import doc

Token = Annotated[str, doc("What `gettoken` gave.")]
SendTo = Annotated[
    str,
    doc(
        "A number, or several with commas between them. Without `+`, one is read as it"
        " is dialled in the country of the phone."
    ),
]
Body = Annotated[str, doc("The text.")]
DeviceId = Annotated[str, doc("The phone that is to send it; any route where it is not given.")]
TimeToSend = Annotated[
    str, doc("`YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS` in UTC; a past time is now.")
]
Slot = Annotated[str, doc("The SIM: 0, 1 or 2.")]
CustomerId = Annotated[str, doc("A number of your own.")]
Urgent = Annotated[str, doc("1 goes before all that is not urgent.")]


# What they take


class LoginParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of `gettoken`."""

    email: Annotated[str, doc("Your user name.")]
    password: Annotated[str, doc("Your password.")] = msgspec.field(name="pass")


class TokenParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of `getalldevices`."""

    token: Token


class SmsParameters(TokenParameters, frozen=True, kw_only=True):
    """The parameters of `addsms`."""

    sendto: SendTo
    body: Body
    device_id: DeviceId = ""
    timetosend: TimeToSend = ""
    sim: Slot = "0"
    customerid: CustomerId = ""
    urgent: Urgent = "0"


class SmsWithLoginParameters(LoginParameters, frozen=True, kw_only=True):
    """The parameters of `smstosend`."""

    sendto: SendTo
    body: Body
    device_id: DeviceId = ""
    timetosend: TimeToSend = ""
    sim: Slot = "0"
    customerid: CustomerId = ""
    urgent: Urgent = "0"


class ManySmsParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of `addalotofsms`: a form with `datajson`, or that JSON as the body."""

    datajson: Annotated[
        str, doc("JSON: `token`, and in `smsdata` a list of what `addsms` takes.")
    ] = ""
    token: Token = ""
    smsdata: list[dict[str, Any]] = []


class SearchParameters(TokenParameters, frozen=True, kw_only=True):
    """The parameters of `getallsms`."""

    device_id: Annotated[str, doc("Only of this phone.")] = ""
    status: Annotated[str, doc("Only with this status, or these.")] = ""
    begindate: Annotated[str, doc("Only made from then on, in `timezone`.")] = ""
    enddate: Annotated[str, doc("Only made until then, in `timezone`.")] = ""
    sim: Annotated[str, doc("Only of this SIM.")] = ""
    customerid: Annotated[str, doc("Only with this number of your own.")] = ""
    onlycount: Annotated[str, doc("1 answers how many there are.")] = "0"
    phone: Annotated[str, doc("Only to or from this number.")] = ""
    orderbydesc: Annotated[str, doc("1 shows the newest first.")] = "0"
    timezone: Annotated[str, doc("`Australia/Sydney` or `+02:00`; the account's if not given.")] = (
        ""
    )


class TagParameters(TokenParameters, frozen=True, kw_only=True):
    """The parameters of `savetag`."""

    title: Annotated[str, doc("Name of the tag.")]


class ContactParameters(TokenParameters, frozen=True, kw_only=True):
    """The parameters of `savecontact`."""

    phone: Annotated[str, doc("The number.")]
    ctag_id: Annotated[str, doc("The tag; `tag_id` is the same.")]
    fullname: Annotated[str, doc("The name.")] = ""


class NewsletterParameters(TokenParameters, frozen=True, kw_only=True):
    """The parameters of `savepaket`."""

    title: Annotated[str, doc("Name of the newsletter.")]
    body: Body
    tags: Annotated[str, doc("Tags with commas between them, or a list.")]
    device_id: DeviceId = ""
    sim: Slot = "0"
    time_to_send: Annotated[str, doc("`DD.MM.YYYY HH:MM:SS` in UTC; 0 or a past time is now.")] = (
        "0"
    )


class StatusParameters(TokenParameters, frozen=True, kw_only=True):
    """The parameters of `getsmsstatus`."""

    sms_id: Annotated[str, doc("What `addsms` answered.")]


class DeviceParameters(TokenParameters, frozen=True, kw_only=True):
    """The parameters of `getdevicestatus`."""

    device_id: Annotated[str, doc("The phone.")]


# What they answer


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to what is refused; the HTTP status is 200 all the same."""

    error: Literal[1] = 1
    message: str


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of an answer to what was accepted."""

    error: Literal[0] = 0


class NewToken(Done, frozen=True, kw_only=True):
    """The answer of `gettoken`."""

    message: str = "OK"
    token: str


class SavedSms(Done, frozen=True, kw_only=True):
    """The answer of `addsms`: the identifier of the first."""

    sms_id: int
    message: str = "Sms has been saved successfully"


class SavedMany(Done, frozen=True, kw_only=True):
    """The answer of `addalotofsms`."""

    message: str = "Sms has been saved successfully"


class PhpDate(msgspec.Struct, frozen=True, kw_only=True):
    """A time as PHP writes it; type 3 names its zone, type 1 its distance to UTC."""

    date: str
    timezone_type: int
    timezone: str


class Sms(msgspec.Struct, frozen=True, kw_only=True):
    """A text that was sent, or with status 5 one that came in."""

    id: int
    sendto: str
    body: str
    customerid: int | None
    status: int
    statustitle: str
    deviceid: int | None
    urgent: bool | None
    created: PhpDate
    senttime: PhpDate | None
    timetosend: PhpDate | None
    sim: int | None
    paketid: int | None
    pakettitle: str | None
    paketbody: str | None


class SmsList(Done, frozen=True, kw_only=True):
    """The answer of `getallsms`: texts by identifier."""

    smss: dict[str, Sms]
    count: int
    message: str = "Ok"


class SmsCount(Done, frozen=True, kw_only=True):
    """The answer of `getallsms` with `onlycount`."""

    count: int
    message: str = "Ok"


class SmsStatus(Done, frozen=True, kw_only=True):
    """The answer of `getsmsstatus`."""

    sms_id: int
    status: int
    status_description: str
    message: str = "Ok"


class SavedTag(Done, frozen=True, kw_only=True):
    """The answer of `savetag`."""

    tag_id: int
    message: str = "OK"


class SavedContact(Done, frozen=True, kw_only=True):
    """The answer of `savecontact`."""

    contact_id: int
    message: str = "ok"


class SavedNewsletter(Done, frozen=True, kw_only=True):
    """The answer of `savepaket`."""

    paket_id: int
    message: str = "OK"


class SimInfo(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A SIM of a phone; every value is a text."""

    slot: str
    icc_id: str = ""
    number: str = ""
    roaming: str = "0"
    country_iso: str = ""
    carrier_name: str = ""


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    """A phone."""

    id: int
    title: str
    number: str | None
    imei: str | None
    created: PhpDate
    createdhumanformat: str
    lastseen: PhpDate
    lastseenhumanformat: str
    serialnumber: str
    siminfo: list[SimInfo]
    appversion: str
    isappversionactual: bool
    delaybetweeneachsms: int | None
    delaybetweenrequest: int
    subscription: bool


class DeviceList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `getalldevices`: phones by identifier."""

    count: int
    device: dict[str, DeviceView]
    error: Literal[0] = 0
    message: str = "OK"


class DeviceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `getdevicestatus`."""

    online: bool
    error: Literal[0] = 0
    message: str = "OK"
    device_id: int
    lastseen: PhpDate
    diffseconds: int
    title: str
