"""Lines of shell and Python that people have in scripts for Kannel and Jasmin, unmodified.

Only host, port, user and password are others than in the manuals and forums they come from.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil

import pytest
from tests.passing_time import PATIENCE_S

from .conftest import PASSWORD, USERNAME, Running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]

NUMBER = "4512345678"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LOGIN = "username=$USER&password=$PASS"
SENDSMS = f"$URL/cgi-bin/sendsms?{LOGIN}"
PYTHON_GET = """python3 - <<'END'
import os, urllib.parse, urllib.request
params = %s
params.update({'username': os.environ['USER'], 'password': os.environ['PASS']})
url = os.environ['URL'] + '%s?' + urllib.parse.urlencode(params)
print(urllib.request.urlopen(url).read().decode(), end='')
END
"""

KANNEL = {
    "curl": (
        f"curl -s '{SENDSMS}&from=12345&to={NUMBER}&text=Hello+World'",
        "0: Accepted for delivery",
        "Hello World",
    ),
    "curl that encodes": (
        "curl -s -G $URL/cgi-bin/sendsms -d username=$USER -d password=$PASS -d from=12345"
        f" --data-urlencode 'to=+{NUMBER}' --data-urlencode 'text=Blåbær & fløde = 100%'",
        "0: Accepted for delivery",
        "Blåbær & fløde = 100%",
    ),
    "wget, with what it prints": (
        f'wget -q -O - "{SENDSMS}&to={NUMBER}&from=Shop&text=Hi%21"',
        "0: Accepted for delivery",
        "Hi!",
    ),
    "wget, with its exit code": (
        f'wget -q -O /dev/null "{SENDSMS}&to={NUMBER}&from=Shop&text=Hi" && echo sent',
        "sent\n",
        "Hi",
    ),
    "the status alone": (
        "curl -s -o /dev/null -w '%{http_code}'"
        f" '{SENDSMS}&from=1&to={NUMBER}&text=Ok&dlr-mask=31'",
        "202",
        "Ok",
    ),
    "old names": (
        "curl -s '$URL/cgi-bin/sendsms?user=$USER&pass=$PASS&from=12345"
        f"&to={NUMBER}&text=Old&dlrmask=3&dlrurl=http%3A%2F%2F127.0.0.1%3A9%2F%3Fs%3D%25d'",
        "0: Accepted for delivery",
        "Old",
    ),
    "http_build_query of PHP": (
        "curl -s '$URL/cgi-bin/sendsms?username=$USER&password=$PASS&from=12345"
        f"&to=%2B{NUMBER}&text=Line+one%0ALine+two&coding=0&charset=UTF-8&priority=1'",
        "0: Accepted for delivery",
        "Line one\nLine two",
    ),
    "UTF-16BE by hand": (
        f"curl -s '{SENDSMS}&from=12345&to={NUMBER}&coding=2&text=%04%1F%04%40%048%042%045%04B'",
        "0: Accepted for delivery",
        "Привет",
    ),
    "Cyrillic with its charset": (
        f"curl -s '{SENDSMS}&from=1&to={NUMBER}&coding=2&charset=windows-1251&text=%CF%F0%E8'",
        "0: Accepted for delivery",
        "При",
    ),
    "a form that is posted": (
        f"curl -s $URL/cgi-bin/sendsms -d '{LOGIN}&from=12345&to={NUMBER}&text=Posted'",
        "0: Accepted for delivery",
        "Posted",
    ),
    "text in the body": (
        "curl -s $URL/cgi-bin/sendsms -H 'Content-Type: text/plain' -H X-Kannel-Username:$USER"
        f" -H X-Kannel-Password:$PASS -H X-Kannel-From:12345 -H X-Kannel-To:{NUMBER}"
        " --data-binary 'From the body'",
        "0: Accepted for delivery",
        "From the body",
    ),
    "Python": (
        PYTHON_GET
        % (f"{{'from': '12345', 'to': '{NUMBER}', 'text': 'Søren'}}", "/cgi-bin/sendsms"),
        "0: Accepted for delivery",
        "Søren",
    ),
    "a wrong password": (
        f"curl -s '$URL/cgi-bin/sendsms?username=$USER&password=x&to={NUMBER}&text=x&from=1'",
        "Authorization failed for sendsms",
        None,
    ),
    "an unquoted ampersand": (
        "curl -s $URL/cgi-bin/sendsms?username=$USER",
        "Authorization failed for sendsms",
        None,
    ),
}
JASMIN = {
    "curl": (
        f"curl -s '$URL/send?{LOGIN}&to={NUMBER}&content=Hello+world'",
        'Success "<id>"',
        "Hello world",
    ),
    "a form that is posted": (
        f"curl -s -X POST $URL/send -d '{LOGIN}&to={NUMBER}&from=Shop&content=Posted&dlr=no'",
        'Success "<id>"',
        "Posted",
    ),
    "JSON": (
        "curl -s $URL/send -H 'Content-Type: application/json' -d '{\"username\": \"'$USER'\","
        f' "password": "\'$PASS\'", "to": "{NUMBER}", "content": "From JSON"}}\'',
        'Success "<id>"',
        "From JSON",
    ),
    "octets in hexadecimal digits": (
        f"curl -s '$URL/send?{LOGIN}&to={NUMBER}&coding=8&hex-content=0623063106460628'",
        'Success "<id>"',
        "أرنب",
    ),
    "Python": (
        PYTHON_GET % (f"{{'from': 'Shop', 'to': '{NUMBER}', 'content': 'Søren'}}", "/send"),
        'Success "<id>"',
        "Søren",
    ),
    "the balance": (
        f"curl -s '$URL/balance?{LOGIN}'",
        '{"balance":"ND","sms_count":"ND"}',
        None,
    ),
    "the rate": (
        f"curl -s '$URL/rate?{LOGIN}&to={NUMBER}'",
        '{"unit_rate":1,"submit_sm_count":1}',
        None,
    ),
    "a probe": ("curl -s $URL/ping", "Jasmin/PONG", None),
    "a stray argument": (
        f"curl -s '$URL/send?{LOGIN}&to={NUMBER}&content=x&foo=1'",
        'Error "Argument [foo] is unknown."',
        None,
    ),
    "REST": (
        "curl -s -X POST -u $USER:$PASS $URL/secure/send"
        f' -d \'{{"to": {NUMBER}, "from": "Jookies", "content": "By REST"}}\'',
        r'{"data":"Success \"<id>"}',
        "By REST",
    ),
    "REST with a header": (
        'curl -s -H "Authorization: Basic $(printf %s $USER:$PASS | base64)" $URL/secure/balance',
        '{"data":{"balance":"ND","sms_count":"ND"}}',
        None,
    ),
    "a batch": (
        "curl -s -X POST -u $USER:$PASS $URL/secure/sendbatch"
        f' -d \'{{"messages": [{{"to": ["{NUMBER}"], "content": "In a batch"}}]}}\'',
        '{"data":{"batchId":"<id>","messageCount":1}}',
        "In a batch",
    ),
}


async def run(running: Running, line: str) -> str:
    for program in ("curl", "wget"):
        if line.startswith(program) and shutil.which(program) is None:
            complain = pytest.fail if os.environ.get("REQUIRE_NODE") == "1" else pytest.skip
            complain(f"there is no {program}; install it (Debian: apt install {program})")
    words = {"$URL": running.url, "$USER": USERNAME, "$PASS": PASSWORD}
    script = re.sub(r"\$(?:URL|USER|PASS)", lambda found: words[found[0]], line)
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", script, stdout=asyncio.subprocess.PIPE, env=_environment(running)
    )
    async with asyncio.timeout(PATIENCE_S):
        printed, _ = await process.communicate()
    return printed.decode()


def _environment(running: Running) -> dict[str, str]:
    return {**os.environ, "URL": running.url, "USER": USERNAME, "PASS": PASSWORD}


@pytest.mark.parametrize(("line", "expected", "text"), KANNEL.values(), ids=KANNEL)
async def test_scripts_for_kannel(
    running: Running, line: str, expected: str, text: str | None
) -> None:
    await check(running, line, expected, text)


@pytest.mark.parametrize(("line", "expected", "text"), JASMIN.values(), ids=JASMIN)
async def test_scripts_for_jasmin(
    running: Running, line: str, expected: str, text: str | None
) -> None:
    await check(running, line, expected, text)


async def check(running: Running, line: str, expected: str, text: str | None) -> None:
    """Runs a line; `<id>` stands for an identifier in what it prints."""
    before = len(await running.messages())
    printed = await run(running, line)
    assert UUID.sub("<id>", printed) == expected
    sent = (await running.messages())[before:]
    assert [message.text for message in sent] == ([] if text is None else [text])
    assert {message.recipient for message in sent} <= {NUMBER}
