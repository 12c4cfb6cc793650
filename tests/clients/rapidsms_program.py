"""RapidSMS with its Kannel backend, as a site that asks for what a line of its input says.

Started by `test_rapidsms.py` with a database file and the URL of `sendsms`.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def main(database: str, sendsms: str, username: str, password: str) -> None:
    """Serves the site and does what comes in, until the input ends."""
    backend = {
        "ENGINE": "rapidsms.backends.kannel.KannelBackend",
        "sendsms_url": sendsms,
        "sendsms_params": {"from": "1272", "username": username, "password": password},
        "charset": "UTF-16BE",
        "coding": 2,
    }
    settings.configure(
        SECRET_KEY="tests",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="rapidsms.backends.kannel.urls",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "rapidsms",
            "rapidsms.backends.kannel",
            "rapidsms.contrib.handlers",
            "rapidsms.contrib.messagelog",
        ],
        INSTALLED_BACKENDS={"kannel-backend": backend},
        RAPIDSMS_HANDLERS=["rapidsms.contrib.echo.handlers.echo.EchoHandler"],
    )
    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0, run_syncdb=True)
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    backend["delivery_report_url"] = f"http://127.0.0.1:{server.server_port}"
    print(server.server_port, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(*json.loads(line), backend=backend), default=str), flush=True)


def answer(wanted: str, *given: Any, backend: dict[str, Any]) -> Any:
    """Does one thing; what came of it."""
    from rapidsms.backends.kannel.models import DeliveryReport
    from rapidsms.backends.kannel.outgoing import KannelBackend
    from rapidsms.contrib.messagelog.models import Message

    if wanted == "send":
        text, *numbers = given
        options = {k: v for k, v in backend.items() if k != "ENGINE"}
        try:
            KannelBackend(None, "kannel-backend", **options).send("id-7", text, numbers)
        except Exception as error:
            return str(error)
        return ""
    if wanted == "reports":
        return list(DeliveryReport.objects.order_by("id").values())
    return list(Message.objects.order_by("id").values("direction", "text"))


if __name__ == "__main__":
    main(*sys.argv[1:])
