"""Why a variable or a group of kannel.conf is not carried over."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

LOG: Final = "the log goes to standard error, where systemd or Docker takes it"
ONE_PROCESS: Final = "there are no boxes here: one process does all"
STORE: Final = (
    "messages are in the database; let Kannel deliver what is in its store before you move"
)
DATABASE: Final = "reports waiting and messages are in the one database"
TLS: Final = "TLS is a proxy's in front of Dragoman (docs/howto/tls-proxy.md)"
LISTS: Final = (
    "the list is not read: allow first digits with `--prefixes` of accounts, and have the numbers"
    " of a black list as opt-outs (`dragoman optout add`)"
)
WHOLE: Final = "texts are sent whole, in parts that phones put together"
WAP: Final = "WAP is not spoken; the one push that is, is LINK's"
MODEM: Final = "modems are not driven; a phone can be a carrier (docs/howto/use-phones.md)"
OTHER_PROTOCOL: Final = "this protocol is not spoken; nearly every carrier offers SMPP too"
SHARING: Final = "carriers are not chosen by number of sender or load; see the routes"
HEADER: Final = "nothing is put before or behind texts"
DEFAULT: Final = "has no counterpart"

GROUPS: Final = MappingProxyType(
    {
        "wapbox": WAP,
        "wap-url-map": WAP,
        "wap-user-map": WAP,
        "wtls": WAP,
        "ppg": WAP,
        "wap-push-user": WAP,
        "test-ppg": WAP,
        "radius-acct": WAP,
        "ota-setting": WAP,
        "ota-bookmark": WAP,
        "modems": MODEM,
        "smsbox-route": ONE_PROCESS,
        "sqlbox": "messages are submitted over HTTP, or with `dragoman send`",
        "opensmppbox": "the file of customers' binds is not read; give each an account",
        "smpp-tlv": "`meta-data` is not sent; a carrier's `premium` has TLVs for prices",
        "dlr-db": DATABASE,
        "mysql-connection": DATABASE,
        "pgsql-connection": DATABASE,
        "mssql-connection": DATABASE,
        "oracle-connection": DATABASE,
        "sdb-connection": DATABASE,
        "sqlite-connection": DATABASE,
        "sqlite3-connection": DATABASE,
        "redis-connection": DATABASE,
    }
)
"""Whole groups."""

VARIABLES: Final = MappingProxyType(
    {
        "core": MappingProxyType(
            {
                "admin-port": "the status page is on the one HTTP port; other commands of that"
                " port are `dragoman`'s",
                "admin-password": "commands are `dragoman`'s, over a local socket"
                " (docs/reference/cli.md)",
                "admin-deny-ip": "only status_addresses may see the status page",
                "admin-interface": "the status page is where HTTP is",
                "admin-port-ssl": TLS,
                "ssl-certkey-file": TLS,
                "ssl-server-cert-file": TLS,
                "ssl-server-key-file": TLS,
                "ssl-client-certkey-file": "set tls_certificate_file of each carrier",
                "ssl-trusted-ca-file": "set tls_ca_file of each carrier",
                "smsbox-port": ONE_PROCESS,
                "smsbox-port-ssl": ONE_PROCESS,
                "smsbox-interface": ONE_PROCESS,
                "smsbox-max-pending": ONE_PROCESS,
                "wapbox-port": WAP,
                "wdp-interface-name": WAP,
                "udp-deny-ip": WAP,
                "udp-allow-ip": WAP,
                "box-allow-ip": ONE_PROCESS,
                "box-deny-ip": ONE_PROCESS,
                "log-file": LOG,
                "log-level": LOG,
                "syslog-level": LOG,
                "syslog-facility": LOG,
                "access-log": "each message has its story: `dragoman message show`",
                "access-log-format": "each message has its story: `dragoman message show`",
                "access-log-time": LOG,
                "access-log-clean": LOG,
                "store-file": STORE,
                "store-type": STORE,
                "store-location": STORE,
                "store-dump-freq": STORE,
                "dlr-storage": DATABASE,
                "dlr-retry": "callbacks are repeated as [callbacks] says",
                "dlr-spool": DATABASE,
                "maximum-queue-length": "queues have room as the disk has",
                "sms-incoming-queue-limit": "queues have room as the disk has",
                "sms-outgoing-queue-limit": "queues have room as the disk has",
                "sms-resend-freq": "a message that a carrier defers is sent again by itself",
                "sms-resend-retry": "a message is sent again until its validity ends",
                "sms-combine-concatenated-mo": "always done",
                "sms-combine-concatenated-mo-timeout": "parts wait 24 hours",
                "unified-prefix": "write numbers in international form; `00` and `+` are read",
                "white-list": LISTS,
                "white-list-regex": LISTS,
                "black-list": LISTS,
                "black-list-regex": LISTS,
                "http-proxy-host": "callbacks are called directly",
                "http-proxy-port": "callbacks are called directly",
                "http-proxy-exceptions": "callbacks are called directly",
                "http-proxy-username": "callbacks are called directly",
                "http-proxy-password": "callbacks are called directly",
            }
        ),
        "smsbox": MappingProxyType(
            {
                "bearerbox-host": ONE_PROCESS,
                "bearerbox-port": ONE_PROCESS,
                "bearerbox-port-ssl": ONE_PROCESS,
                "smsbox-id": ONE_PROCESS,
                "sendsms-port-ssl": TLS,
                "sendsms-url": "the path is /cgi-bin/sendsms",
                "sendota-url": WAP,
                "xmlrpc-url": "not answered, as in Kannel",
                "sendsms-chars": "blanks, `+` and `-` in numbers are read",
                "log-file": LOG,
                "log-level": LOG,
                "access-log": "each message has its story: `dragoman message show`",
                "access-log-format": "each message has its story: `dragoman message show`",
                "reply-couldnotfetch": "a service that fails is called again; no text about it",
                "reply-couldnotrepresent": "the text is Kannel's own",
                "reply-requestfailed": "a service that fails is called again; no text about it",
                "reply-emptymessage": "the text is Kannel's own",
                "http-request-retry": "callbacks are repeated as [callbacks] says",
                "http-queue-delay": "callbacks are repeated as [callbacks] says",
                "http-timeout": "set callbacks.timeout_s",
                "max-pending-requests": "set callbacks.concurrency",
                "mo-recode": "texts go to services in UTF-8",
                "immediate-sendsms-reply": "the answer comes once the message is on disk",
                "white-list": LISTS,
                "black-list": LISTS,
                "ppg-service-name": WAP,
            }
        ),
        "smsc": MappingProxyType(
            {
                "alt-host": "a carrier has one host; name another carrier beside it in the routes",
                "alt-port": "a carrier has one host; name another carrier beside it in the routes",
                "our-host": "connections start from the address that the system chooses",
                "our-port": "connections start from a port that the system chooses",
                "our-receiver-port": "connections start from a port that the system chooses",
                "device": MODEM,
                "log-file": LOG,
                "log-level": LOG,
                "esm-class": "messages are sent in the SMSC's default mode",
                "service-type": "only premium messages have one",
                "validityperiod": "without a validity the SMSC's own counts",
                "priority": "0, and 1 for urgent messages",
                "connection-timeout": "a silent link is probed after enquire_interval_s",
                "wait-ack-expire": "see on_unknown",
                "alt-addr-charset": "senders are ASCII",
                "dead-start": "hold it: `dragoman carrier drain`",
                "max-sms-octets": "140 octets",
                "allowed-prefix-regex": SHARING,
                "denied-prefix-regex": SHARING,
                "preferred-prefix-regex": SHARING,
                "allowed-smsc-id": SHARING,
                "denied-smsc-id": SHARING,
                "preferred-smsc-id": SHARING,
                "allowed-smsc-id-regex": SHARING,
                "denied-smsc-id-regex": SHARING,
                "preferred-smsc-id-regex": SHARING,
                "unified-prefix": "numbers go out in international form",
                "reroute": "texts that come in go to their account",
                "reroute-smsc-id": "texts that come in go to their account",
                "reroute-receiver": "texts that come in go to their account",
                "reroute-dlr": "reports go to who sent the message",
                "smsc-admin-id": "carriers have one name",
                "no-dlr": "receipts are asked for",
            }
        ),
        "sendsms-user": MappingProxyType(
            {
                "name": "accounts have only their user name",
                "concatenation": WHOLE,
                "max-messages": WHOLE,
                "split-chars": WHOLE,
                "split-suffix": WHOLE,
                "omit-empty": "an empty text is refused",
                "header": HEADER,
                "footer": HEADER,
                "allowed-prefix-regex": LISTS,
                "denied-prefix": LISTS,
                "denied-prefix-regex": LISTS,
                "white-list": LISTS,
                "white-list-regex": LISTS,
                "black-list": LISTS,
                "black-list-regex": LISTS,
            }
        ),
        "sms-service": MappingProxyType(
            {
                "concatenation": WHOLE,
                "split-chars": WHOLE,
                "split-suffix": WHOLE,
                "header": HEADER,
                "footer": HEADER,
                "prefix": "of a page all words are sent",
                "suffix": "of a page all words are sent",
                "assume-plain-text": "an answer without a type is plain text",
                "alt-charset": "texts are posted in UTF-8; answers say their charset",
                "dlr-url": "answers are reported to the URL of the account",
                "accepted-account": "texts have no account but the owner of their number",
                "white-list": "the list is at a URL; write its first digits as sender_prefixes",
                "black-list": "the list is at a URL; write its first digits as"
                " denied_sender_prefixes",
                "white-list-regex": "write first digits as sender_prefixes",
                "black-list-regex": "write first digits as denied_sender_prefixes",
                "aliases": "belongs to a keyword",
            }
        ),
    }
)
"""Variables by their group."""

PROTOCOLS: Final = MappingProxyType(
    {
        "fake": "for tests: `dragoman dev` has an SMSC of its own, with phones to look at",
        "at": MODEM,
        "at2": MODEM,
        "http": "write a carrier of type `http` (docs/howto/send-over-your-providers-http-api.md)",
    }
)
"""Why a carrier of a type is left out; others have `OTHER_PROTOCOL`."""


def reason(group: str, variable: str) -> str:
    """Why a variable is not carried over."""
    return VARIABLES[group].get(variable, DEFAULT)
