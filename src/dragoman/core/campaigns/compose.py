"""Composes mails: an issue or an opt-in request for a recipient (RFC 5322, MIME, RFC 8058).

The `email` package writes them, so that no value can break out of its header. Signing with DKIM is
left to the relay, which holds the key of the sending domain.
"""

from __future__ import annotations

import html
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from dragoman.core.campaigns.model.mailings import Delivery, Issue, MailingList
from dragoman.core.campaigns.model.wording import Words, words_of
from dragoman.core.model.mail_addresses import domain_of
from dragoman.kit.ids import render_hex

MAX_LINE: Final = 900
"""Octets of a header line: URLs in headers must not be folded, nor encoded; RFC 5322 takes 998."""
UNSUBSCRIBE: Final = "unsubscribe"
CONFIRM: Final = "confirm"

_LINK: Final = re.compile(
    r"""(<a\b[^<>]{0,2000}?\bhref\s*=\s*)("|')(https?://[^"'<>\s]+)\2""", re.I
)
_BODY_END: Final = re.compile(r"</body\s*>", re.I)
_HEADERS: Final = SMTP.clone(max_line_length=MAX_LINE)
_NETWORKS: Final = (
    ("Facebook", "https://www.facebook.com/sharer/sharer.php?u="),
    ("X", "https://x.com/intent/tweet?url="),
    ("LinkedIn", "https://www.linkedin.com/sharing/share-offsite/?url="),
)


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of one attempt, and the base URL of their pages."""

    base_url: str
    unsubscribe_token: str
    confirm_token: str

    @property
    def unsubscribe(self) -> str:
        """The page that ends the subscription."""
        return f"{self.base_url}/{UNSUBSCRIBE}/{self.unsubscribe_token}"

    @property
    def confirm(self) -> str:
        """The page that starts the subscription."""
        return f"{self.base_url}/{CONFIRM}/{self.confirm_token}"


def compose_issue(
    issue: Issue,
    mailing_list: MailingList,
    delivery: Delivery,
    links: Links,
    *,
    sender: str,
    date: datetime,
) -> bytes:
    """An issue for one recipient; raises ValueError for what cannot be in a header."""
    words = words_of(mailing_list.language)
    mail = _head(mailing_list, delivery, links, sender, date)
    mail["Subject"] = issue.subject
    footer = _footer(mailing_list, words)
    text = f"{issue.text.rstrip()}\n\n-- \n{footer}\n{words.unsubscribe}: {links.unsubscribe}\n"
    page = tag_links(issue.html, issue.web_analytics)
    if issue.share_social:
        page = _insert(page, _social_buttons(mailing_list, words))
    page = _insert(page, _html_footer(footer, words, links))
    _set_bodies(mail, text, page)
    for attachment in issue.attachments:
        main, _, sub = attachment.content_type.partition("/")
        mail.add_attachment(
            attachment.content, maintype=main, subtype=sub, filename=attachment.name
        )
    return _render(mail, words)


def compose_opt_in(
    mailing_list: MailingList, delivery: Delivery, links: Links, *, sender: str, date: datetime
) -> bytes:
    """The mail that asks for confirmation of a subscription; raises ValueError as above."""
    words = words_of(mailing_list.language)
    names = {"title": mailing_list.title, "company": mailing_list.company_name}
    mail = _head(mailing_list, delivery, links, sender, date)
    mail["Subject"] = words.opt_in_subject.format(**names)
    asked = words.opt_in_text.format(**names)
    signature = _signature(mailing_list)
    parts = (asked, f"{words.confirm}: {links.confirm}", words.opt_in_ignore)
    text = "\n\n".join((*parts, f"-- \n{signature}\n"))
    page = (
        f"<html><body><p>{html.escape(asked)}</p>"
        f'<p><a href="{html.escape(links.confirm)}">{html.escape(words.confirm)}</a></p>'
        f"<p>{html.escape(words.opt_in_ignore)}</p><p>{html.escape(signature)}</p></body></html>"
    )
    _set_bodies(mail, text, page)
    return _render(mail, words)


def tag_links(page: str, tag: str) -> str:
    """The HTML with the parameters of an analytics tag on every web link.

    A tag is `www.example.com?a=b`, `?a=b` or `a=b`; only its parameters count.
    """
    _, question, query = tag.partition("?")
    parameters = (query if question else tag).split("#")[0].strip().lstrip("&")
    if "=" not in parameters:
        return page
    parameters = html.escape(quote(parameters, safe="=&%+;,:@/!$'()*-._~"), quote=True)

    def add(match: re.Match[str]) -> str:
        before, mark, url = match.groups()
        address, hash_, fragment = url.partition("#")
        if hash_ and address.endswith("&"):  # a character reference, such as &#38;
            return match.group()
        joint = "&amp;" if "?" in address else "?"
        return f"{before}{mark}{address}{joint}{parameters}{hash_}{fragment}{mark}"

    return _LINK.sub(add, page)


def _head(
    mailing_list: MailingList,
    delivery: Delivery,
    links: Links,
    sender: str,
    date: datetime,
) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(mailing_list.company_name, addr_spec=mailing_list.sender)
    if sender != mailing_list.sender:
        mail["Sender"] = Address(addr_spec=sender)  # RFC 5322 s. 3.6.2
    mail["To"] = Address(addr_spec=delivery.address)
    mail["Reply-To"] = Address(addr_spec=mailing_list.reply_to)
    mail["Date"] = format_datetime(date)
    domain = domain_of(sender)
    # The same at every attempt, so that duplicates can be recognised.
    mail["Message-ID"] = f"<{render_hex(delivery.delivery_id)}@{domain}>"
    mail["List-Id"] = f"<{mailing_list.list_id}.lists.{domain}>"  # RFC 2919
    mail["List-Unsubscribe"] = f"<{links.unsubscribe}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058 s. 3.1
    mail["Precedence"] = "bulk"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    return mail


def _render(mail: EmailMessage, words: Words) -> bytes:
    # Last, since adding a part moves what is said of the content into it.
    mail["Content-Language"] = words.tag
    raw = mail.as_bytes(policy=_HEADERS)
    # The email package decodes encoded words in what it is given, line ends in them included, and
    # not every version of it looks at what it has written.
    head = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    names = [line.partition(b":")[0].decode() for line in head if line[:1] not in (b" ", b"\t")]
    if names != mail.keys():
        raise ValueError("a value broke out of its header")
    return raw


def _set_bodies(mail: EmailMessage, text: str, page: str) -> None:
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(page, subtype="html", cte="quoted-printable")


def _signature(mailing_list: MailingList) -> str:
    return f"{mailing_list.company_name}, {mailing_list.company_address}"


def _footer(mailing_list: MailingList, words: Words) -> str:
    line = words.footer.format(title=mailing_list.title, company=mailing_list.company_name)
    return f"{line}\n{_signature(mailing_list)}"


def _html_footer(footer: str, words: Words, links: Links) -> str:
    lines = "<br>".join(html.escape(line) for line in footer.splitlines())
    link = f'<a href="{html.escape(links.unsubscribe)}">{html.escape(words.unsubscribe)}</a>'
    return f'<p style="font-size:small">{lines}<br>{link}</p>'


def _social_buttons(mailing_list: MailingList, words: Words) -> str:
    shared = mailing_list.company_url
    if not urlsplit(shared).scheme:
        shared = f"https://{shared}"
    buttons = " ".join(
        f'<a href="{html.escape(share + quote(shared, safe=""))}">{name}</a>'
        for name, share in _NETWORKS
    )
    return f"<p>{html.escape(words.share)} {buttons}</p>"


def _insert(page: str, piece: str) -> str:
    """The page with a fragment at the end of its body."""
    ends = list(_BODY_END.finditer(page))
    at = ends[-1].start() if ends else len(page)
    return f"{page[:at]}{piece}{page[at:]}"
