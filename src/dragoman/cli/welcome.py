"""What `dragoman dev` prints when it is ready: addresses, credentials, lines to paste."""

from __future__ import annotations

from pathlib import Path

from dragoman.cli.dev_file import SHELL, DevFile
from dragoman.cli.output import console, print_fields
from dragoman.config.settings import OUTBOX

NUMBER = "4512345678"


def print_welcome(content: DevFile, path: Path) -> None:
    """Prints everything a new user needs; the lines to paste are never wrapped."""
    from rich.markup import escape

    from dragoman.cli.manual_examples import ADVANCED_KEY, SHORT_CODE

    out = console()
    account = content.accounts[0]
    out.print(f"[bold green]Dragoman is ready[/] at [bold]{escape(content.base_url)}[/]")
    print_fields(
        [
            ("console", f"{content.base_url}/console"),
            ("documentation", f"{content.base_url}/docs"),
            ("simulated SMSC", f"{content.smsc_host}:{content.smsc_port} (SMPP 3.4)"),
            ("SMPP server", f"{content.smpp_host}:{content.smpp_port} (SMPP 3.3 and 3.4)"),
            ("virtual phones", f"{content.base_url}/console/phones (as JSON: /dev/messages)"),
            ("mail", f"{path.parent / OUTBOX} (not sent)"),
            ("for programs", str(path)),
            ("for a shell", f". {path.with_name(SHELL)}"),
        ]
    )
    out.print(f"\n[bold]Account {escape(account.username)}[/]")
    print_fields(
        [
            ("console", f"user name {account.username}, password {account.password}"),
            ("httpsms", f"key={account.api_key}"),
            ("LINK", f"apikey={account.api_key}"),
            (
                "LINK, old",
                f"apikey=legacy&username={account.username}&password={account.password}&type=plain",
            ),
            (
                "LINK, extras",
                f"advanced={ADVANCED_KEY}, short code {SHORT_CODE} (prices, keywords)",
            ),
            ("SMPP", f"system_id={account.smpp_system_id} password={account.smpp_password}"),
            ("SMSGateway24", f"email={account.username}&pass={account.password}"),
            ("Twilio", f"{account.twilio_account_sid}:{account.twilio_auth_token}"),
        ]
    )
    for title, lines in examples(content).items():
        out.print(f"\n[bold]{escape(title)}[/]")
        for line in lines:
            print(line)
    print(f"\nIn another terminal, after `. {path.with_name(SHELL)}`:")
    print_fields(
        [
            ("dragoman tail", "what happens to messages, as it happens"),
            ("dragoman listen --help", "callbacks to a program on this machine"),
        ]
    )
    print("The tutorial goes on from here: docs/tutorial.md", flush=True)
    print("\nStop with Ctrl-C.", flush=True)


def examples(content: DevFile) -> dict[str, list[str]]:
    """Lines for a shell by title; each works as it stands, in this order."""
    account = content.accounts[0]
    url, key = content.base_url, account.api_key
    login = f"email={account.username}&pass={account.password}"
    token = f"curl -s '{url}/getdata/gettoken?{login}' | grep -Eo '[0-9a-f]{{32}}'"
    device = f" -d device_id={content.device_id}" if content.device_id else ""
    text = f'"recipients":"+{NUMBER}","sender":"Dragoman","message":"Hello from LINK"'
    message = f'{{"message":{{{text}}}}}'
    newest = (
        f"curl -s '{url}/v2/messages/1.json?apikey={key}'"
        " | grep -Eo '\"batchid\": *\"?[0-9]+' | grep -Eo '[0-9]+$' | head -n 1"
    )
    rest = f"{url}/API/v1.0/REST"
    keys = f"keys=$(curl -s '{rest}/login?username={account.username}&password={account.password}')"
    headers = '-H "user_key: ${keys%;*}" -H "Session_key: ${keys#*;}"'
    login_of_twilio = f"{account.twilio_account_sid}:{account.twilio_auth_token}"
    messages = f"{url}/2010-04-01/Accounts/{account.twilio_account_sid}/Messages.json"
    order = f'{{"message_type":"N","recipient":["+{NUMBER}"],"message":"Hello from smSend"}}'
    return {
        "Send with httpsms, then ask for its report": [
            f"curl -s '{url}/api/sms/send_sms.php?key={key}&mobile={NUMBER}&sender=Dragoman"
            "&msgtext=Hello+from+httpsms&ref=first&response=json'; echo",
            f"curl -s '{url}/api/sms/dlr.php?key={key}&full_number={NUMBER}&ref=first'; echo",
        ],
        "Read the newest text of a virtual phone, and let it write back": [
            f"curl -s '{url}/dev/messages?to={NUMBER}&wait=5s'; echo",
            f"curl -s '{url}/dev/phones/{NUMBER}/texts' -d '{{\"text\":\"Hello back\"}}'; echo",
        ],
        "Send with LINK, then look at the newest batch": [
            f"curl -s '{url}/v2/ping.json?apikey={key}'; echo",
            f"curl -s '{url}/v2/message.json?apikey={key}' -H 'Content-Type: application/json'"
            f" -d '{message}'; echo",
            f'curl -s "{url}/v2/message/$({newest})/1.json?apikey={key}"; echo',
        ],
        "Send with smSend, then list what was sent": [
            f"{keys}; curl -s '{rest}/sms' {headers} -H 'Content-Type: application/json'"
            f" -d '{order}'; echo",
            f"{keys}; curl -s '{rest}/smshistory?from=20260101' {headers}; echo",
        ],
        "Send with SMSGateway24, then list what was sent": [
            f"curl -s '{url}/getdata/smstosend' -d '{login}'{device} -d sendto=%2B{NUMBER}"
            " -d body=Hello+from+SMSGateway24; echo",
            f'curl -s "{url}/getdata/getallsms?token=$({token})"; echo',
        ],
        "Send with Twilio, then list what was sent": [
            f"curl -s -u {login_of_twilio} '{messages}' -d To=%2B{NUMBER} -d From=Dragoman"
            " --data-urlencode 'Body=Hello from Twilio'; echo",
            f"curl -s -u {login_of_twilio} '{messages}?PageSize=1'; echo",
        ],
    }
