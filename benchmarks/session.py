"""Somebody at the console: signs in over HTTP and asks for pages with the cookies it was given."""

from __future__ import annotations

import http.client
import re
from typing import Final
from urllib.parse import urlencode

from dragoman.console.place import PREFIX

CONSOLE: Final = "[console]\nenabled = true\n"
"""What a gateway's configuration says so that there is a console."""
_TOKEN: Final = re.compile(r'name="form_token" value="([^"]+)"')


class Session:
    """One kept-alive connection and its cookies."""

    def __init__(self, port: int) -> None:
        self._host = f"127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies: dict[str, str] = {}
        self.body = b""
        """Of the last answer."""

    @property
    def cookie(self) -> str:
        """The header that says who asks."""
        return "; ".join(f"{key}={value}" for key, value in self._cookies.items())

    def sign_in(self, username: str, password: str) -> None:
        """Opens a session."""
        self.ask(f"{PREFIX}/sign-in")
        token = _TOKEN.search(self.body.decode())
        assert token is not None
        form = {"form_token": token[1], "username": username, "password": password, "target": ""}
        status = self.ask(f"{PREFIX}/sign-in", urlencode(form))
        if status != 303:
            raise RuntimeError(f"{username} cannot sign in: {status}")

    def ask(self, target: str, form: str | None = None) -> int:
        """Asks for a page or sends a form; the status of the answer."""
        headers = {"Cookie": self.cookie}
        if form is not None:
            headers |= {
                "Origin": f"http://{self._host}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
        self._connection.request("GET" if form is None else "POST", target, form, headers)
        answer = self._connection.getresponse()
        self.body = answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self._cookies[key] = rest.partition(";")[0]
        return answer.status

    def close(self) -> None:
        """Hangs up."""
        self._connection.close()
