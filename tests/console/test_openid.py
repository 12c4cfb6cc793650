"""Signing in at an OpenID provider, with one that is made of dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from dragoman.config.sections import OpenId
from dragoman.config.values import Secret
from dragoman.console.context import ConsoleContext
from dragoman.console.flows import FLOW_S, MAX_KEPT
from dragoman.console.openid import OpenIdProvider
from dragoman.console.routes import build_console
from dragoman.core.accounts.model.people import Role
from dragoman.web.http_connection import Fetched
from dragoman.web.outgoing import FetchFailed
from dragoman.web.router import DialectApp

from .conftest import HOST, NOW_MS, PASSWORD, Browser, Page, _outside

ISSUER = "https://login.example.org"
CLIENT = "dragoman"
ADDRESS = "anna@example.org"
NOW_S = NOW_MS // 1000


@cache
def key(kid: str) -> RSAKey:
    """A key of the provider; made once, by the first test that wants it."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


class Provider:
    """What a provider answers; a test changes what it likes."""

    def __init__(self) -> None:
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth?tenant=1",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
        }
        self.keys = [key("first")]
        self.signs_with: Any = key("first")
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "first"}
        self.claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": CLIENT,
            "sub": "248289761001",
            "iat": NOW_S,
            "exp": NOW_S + 300,
            "email": ADDRESS,
            "email_verified": True,
        }
        self.about: dict[str, Any] = {}
        """What it tells of whoever signed in, besides."""
        self.away = ""
        """The end of the address that cannot be reached."""
        self.status = 200
        self.body: bytes | None = None
        self.asked: list[str] = []
        self.form: dict[str, list[str]] = {}
        self.headers: dict[str, str] = {}

    async def request(
        self, method: str, url: str, *, headers: Any = (), body: bytes = b""
    ) -> Fetched:
        self.asked.append(url)
        if self.away and url.endswith(self.away):
            raise FetchFailed("no connection")
        if url.endswith("/token"):
            self.form, self.headers = parse_qs(body.decode()), dict(headers)
            token = jwt.encode(self.header, self.claims, self.signs_with)
            content: Any = {"id_token": token, "access_token": "x", "token_type": "Bearer"}
        elif url.endswith("/me"):
            assert dict(headers) == {"authorization": "Bearer x"}
            content = self.about
        elif url.endswith("/keys"):
            content = {"keys": [key.as_dict(private=False) for key in self.keys]}
        else:
            assert url == f"{ISSUER}/.well-known/openid-configuration"
            content = self.metadata
        given = self.body if self.body is not None else msgspec.json.encode(content)
        return Fetched(status=self.status, headers={}, body=given)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def provider(browser: Browser) -> Provider:
    provider = Provider()
    settings = OpenId(
        issuer=ISSUER, client_id=CLIENT, client_secret=Secret("s:cret"), name="the library"
    )
    context = ConsoleContext(
        services=browser.services,
        machine=browser.machine,
        openid=OpenIdProvider(settings, provider, browser.clock),
    )
    browser.app = DialectApp([build_console(context)], _outside, body_timeout_s=30)
    return provider


@pytest.fixture
async def anna(browser: Browser) -> None:
    account = await browser.services.accounts.find("sena")
    await browser.services.people.invite(account, ADDRESS, Role.SENDER, by=Role.ADMINISTRATOR)


async def _leave(browser: Browser, target: str = "") -> dict[str, str]:
    """What the browser is sent to the provider with."""
    page = await browser.get(f"/console/openid?next={target}")
    assert page.status == 303, page.text
    return _query(page.header("location"))


def _query(address: str) -> dict[str, str]:
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ISSUER}/auth"
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


async def _return(browser: Browser, provider: Provider, sent: dict[str, str]) -> Page:
    provider.claims.setdefault("nonce", sent["nonce"])
    return await browser.get(f"/console/openid/callback?state={sent['state']}&code=abc")


@pytest.mark.usefixtures("anna")
async def test_an_invited_person_signs_in_by_their_verified_address(
    browser: Browser, provider: Provider
) -> None:
    sent = await _leave(browser, "/messages?state=failed")
    assert sent["tenant"] == "1"  # what the endpoint's address has already stays
    assert sent["redirect_uri"] == f"https://{HOST}/console/openid/callback"
    assert (sent["scope"], sent["code_challenge_method"]) == ("openid email", "S256")
    page = await _return(browser, provider, sent)
    assert page.header("location") == "/console/messages?state=failed"
    assert "anna@example.org" in (await browser.get("/console/me")).text
    assert provider.form["code"] == ["abc"]
    assert len(provider.form["code_verifier"][0]) >= 43
    assert provider.headers["authorization"] == "Basic ZHJhZ29tYW46cyUzQWNyZXQ="
    # From now on by the identity, whatever the address is.
    provider.claims |= {"email": "anna@elsewhere.example", "email_verified": False}
    provider.claims.pop("nonce")
    other = browser.another()
    assert (await _return(other, provider, await _leave(other))).status == 303
    assert (await other.get()).status == 200


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize(
    ("about", "status"),
    [
        ({"sub": "248289761001", "email": ADDRESS, "email_verified": True}, 303),
        ({"sub": "248289761001", "email": ADDRESS}, 403),
        ({"sub": "1", "email": ADDRESS, "email_verified": True}, 502),
        ({"email": ADDRESS, "email_verified": True}, 502),
    ],
)
async def test_an_address_may_be_told_apart_from_the_token(
    browser: Browser, provider: Provider, about: dict[str, Any], status: int
) -> None:
    provider.metadata["userinfo_endpoint"] = f"{ISSUER}/me"
    provider.claims.pop("email")
    provider.about = about
    assert (await _return(browser, provider, await _leave(browser))).status == status


def _set(name: str, value: Any) -> Callable[[Provider], None]:
    return lambda provider: provider.claims.update({name: value})


def _drop(name: str) -> Callable[[Provider], None]:
    return lambda provider: provider.claims.pop(name)


def _stranger(provider: Provider) -> None:
    provider.signs_with = key("second")


def _symmetric(provider: Provider) -> None:
    """An algorithm that is not asked for, with a secret that both sides have."""
    provider.signs_with = OctKey.import_key("s:cret, which both sides have, is no key")
    provider.header = {"alg": "HS256", "kid": "first"}


SPOILT: dict[str, tuple[Callable[[Provider], None], int]] = {
    "another nonce": (_set("nonce", "other"), 502),
    "another audience": (_set("aud", "other"), 502),
    "several audiences without azp": (_set("aud", [CLIENT, "other"]), 502),
    "another issuer": (_set("iss", "https://evil.example"), 502),
    "expired": (_set("exp", NOW_S - 61), 502),
    "of the future": (_set("iat", NOW_S + 600), 502),
    "no expiry": (_drop("exp"), 502),
    "no subject": (_drop("sub"), 502),
    "a number for a subject": (_set("sub", 7), 502),
    "an endless subject": (_set("sub", "x" * 300), 502),
    "another key": (_stranger, 502),
    "a key of both sides": (_symmetric, 502),
    "no JSON": (lambda p: setattr(p, "body", b"<html>"), 502),
    "a refusal": (lambda p: setattr(p, "status", 400), 502),
    "trouble": (lambda p: setattr(p, "status", 503), 503),
    "no connection": (lambda p: setattr(p, "away", "/token"), 503),
    "no keys": (lambda p: setattr(p, "away", "/keys"), 503),
    "an address that is not verified": (_set("email_verified", False), 403),
    "an address that is said to be verified": (_set("email_verified", "true"), 403),
    "an address of nobody": (_set("email", "ben@example.org"), 403),
    "no address": (_drop("email"), 403),
}


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize("case", SPOILT)
async def test_what_is_not_vouched_for_opens_nothing(
    browser: Browser, provider: Provider, case: str
) -> None:
    spoil, status = SPOILT[case]
    sent = await _leave(browser, "/inbox")
    spoil(provider)
    page = await _return(browser, provider, sent)
    assert (page.status, browser.session) == (status, "")
    fields = page.fields("/console/sign-in")
    assert fields["target"] == "/inbox"
    person = await browser.services.people.find_by_name(ADDRESS)
    assert person.subject is None


@pytest.mark.usefixtures("anna")
async def test_a_new_key_of_the_provider_is_fetched_once_a_minute(
    browser: Browser, provider: Provider
) -> None:
    assert (await _return(browser, provider, await _leave(browser))).status == 303
    provider.signs_with, provider.header["kid"] = key("second"), "second"
    provider.keys = [key("second")]
    provider.claims.pop("nonce")
    assert (await _return(browser, provider, await _leave(browser))).status == 303
    provider.keys, provider.signs_with = [key("first")], key("first")
    provider.claims.pop("nonce")
    before = len(provider.asked)
    assert (await _return(browser, provider, await _leave(browser))).status == 502
    assert [url for url in provider.asked[before:] if url.endswith("/keys")] == []


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda p: setattr(p, "away", "configuration"), 503),
        (lambda p: p.metadata.update(issuer=f"{ISSUER}/"), 502),
        (lambda p: p.metadata.pop("token_endpoint"), 502),
        # The browser would have stayed on an empty page, or on a 404 of the gateway.
        (lambda p: p.metadata.update(authorization_endpoint="mailto:anna@example.org"), 502),
        (lambda p: p.metadata.update(authorization_endpoint="/auth"), 502),
        (lambda p: p.metadata.update(authorization_endpoint="https://[::1/auth"), 502),
        (lambda p: p.metadata.update(authorization_endpoint=f"{ISSUER}/auth\r\nx: y"), 502),
        (lambda p: p.metadata.update(jwks_uri="keys"), 502),
    ],
)
async def test_a_provider_that_is_away_says_so_and_loses_nothing(
    browser: Browser, provider: Provider, spoil: Callable[[Provider], None], status: int
) -> None:
    spoil(provider)
    page = await browser.get("/console/openid?next=/inbox")
    assert page.status == status
    assert "he library" in page.text
    page = await browser.send(page, "/console/sign-in", username="sena", password=PASSWORD)
    assert page.tree.xpath("//a[@aria-current='page']/text()") == ["Inbox"]


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize("way", ["twice", "late", "another browser", "refused", "no state"])
async def test_a_return_counts_once_in_its_browser_and_in_time(
    browser: Browser, provider: Provider, way: str
) -> None:
    sent = await _leave(browser)
    other = browser
    if way == "twice":
        await _return(browser, provider, sent)
        other = browser.another()
        other.cookies = {k: v for k, v in browser.cookies.items() if "session" not in k}
    elif way == "late":
        browser.clock.advance(FLOW_S)
    elif way == "another browser":
        other = browser.another()
        await other.get("/console/sign-in")
    elif way == "refused":
        page = await browser.get(
            f"/console/openid/callback?state={sent['state']}&error=access_denied"
        )
        assert (page.status, "not signed in at the library" in page.text) == (401, True)
        return
    else:
        sent["state"] = ""
    page = await _return(other, provider, sent)
    assert (page.status, other.session) == (400, "")


@pytest.mark.usefixtures("anna")
async def test_what_was_entered_comes_along(browser: Browser, provider: Provider) -> None:
    await browser.sign_in("sena")
    fields = (await browser.get("/console/account")).fields("/console/account")
    browser.clock.advance(browser.services.settings.console.idle_s)
    provider.claims |= {"iat": NOW_S + 7200, "exp": NOW_S + 8000}
    page = await browser.post("/console/account", **fields | {"time_zone": "Asia/Tokyo"})
    page = await browser.send(page, "/console/openid")
    (address,) = page.tree.xpath("//main//a/@href")
    page = await _return(browser, provider, _query(address))
    assert "Asia/Tokyo" in page.text
    long = await browser.get("/console/sign-in")
    given = long.fields("/console/sign-in") | {"kept": "x" * (MAX_KEPT + 1)}
    page = await browser.post("/console/openid", **given)
    assert "too long to be kept" in page.text


@pytest.mark.usefixtures("anna")
async def test_a_disabled_person_stays_outside(browser: Browser, provider: Provider) -> None:
    await _return(browser, provider, await _leave(browser))
    people, sena = browser.services.people, await browser.services.accounts.find("sena")
    anna = await people.find_by_name(ADDRESS)
    await people.change(sena, anna, by=Role.ADMINISTRATOR, enabled=False)
    assert (await browser.get()).status == 401
    provider.claims.pop("nonce")
    page = await _return(browser, provider, await _leave(browser))
    assert (page.status, "disabled" in page.text) == (403, True)


async def test_without_a_provider_there_is_none(browser: Browser) -> None:
    page = await browser.get("/console/sign-in")
    assert b"/console/openid" not in page.body
    assert (await browser.get("/console/openid")).status == 404
    assert (await browser.get("/console/openid/callback?state=x&code=y")).status == 404
