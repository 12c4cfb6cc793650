"""Every text of the console is looked up in a catalogue: of templates, tables, notices, scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from jinja2 import Environment, nodes
from markupsafe import escape

from dragoman import console, development
from dragoman.console import translation
from dragoman.console.labels import STATES
from dragoman.console.translation import ENGLISH, choose_language, gettext, lazy, ngettext, use
from dragoman.core.messages.model.lifecycle import State

from .conftest import Browser

PACKAGES = [Path(package.__file__).parent for package in (console, development)]
TEMPLATES = sorted(path for package in PACKAGES for path in package.glob("templates/*.html"))
SCRIPTS = sorted(path for package in PACKAGES for path in package.glob("static/*.js"))
STATEMENT = re.compile(r"\{%-?\s*trans\b.*?endtrans\s*-?%\}|\{%.*?%\}|\{#.*?#\}|\{\{.*?\}\}", re.S)
TAG = re.compile(r"<[^>]*>")
SHOWN = re.compile(r"(?:aria-label|placeholder|title|alt)=\"([^\"]*)\"")
TEXT = re.compile(r"[^\W\d_]{2,}")
SENTENCE = re.compile(r"[A-Z][a-z]+ |[a-z]{2,} [a-z]{2,}")
BRAND = "Dragoman"


def _bare_texts(source: str) -> Iterator[str]:
    """What a reader would see of a template that is looked up nowhere."""
    plain = STATEMENT.sub("", source)
    for text in (*TAG.split(plain), *SHOWN.findall(plain)):
        if TEXT.search(text.replace(BRAND, "")) and "=" not in text:
            yield text.strip()
    for node in Environment(extensions=["jinja2.ext.i18n"]).parse(source).find_all(nodes.Const):
        if isinstance(node.value, str) and SENTENCE.match(node.value):
            yield node.value


def _looked_up(source: str) -> set[str]:
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(source)
    calls = [call for call in tree.find_all(nodes.Call) if isinstance(call.node, nodes.Name)]
    named = [call for call in calls if call.node.name in ("_", "gettext", "ngettext")]
    return {one.value for call in named for one in call.args if isinstance(one, nodes.Const)}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_has_a_bare_text(path: Path) -> None:
    source = path.read_text()
    assert set(_bare_texts(source)) - _looked_up(source) == set()


@pytest.mark.parametrize(
    "source",
    [
        "<p>Save</p>",
        '<nav aria-label="Pages"></nav>',
        "<p>{{ n }} left</p>",
        "{{ forms.field('name', 'Your name') }}",
        "{{ 'Enable it' if off else _('Disable it') }}",
    ],
)
def test_a_bare_text_is_found(source: str) -> None:
    assert set(_bare_texts(source)) - _looked_up(source)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_no_script_has_a_text(path: Path) -> None:
    code = re.sub(r"^\s*//.*$|\s//.*$", "", path.read_text(), flags=re.M)
    strings = re.findall(r"\"([^\"]*)\"|'([^']*)'|`([^`]*)`", code)
    assert [one for found in strings for one in found if re.match(r"[A-Z][a-z]+[ .]", one)] == []


class Marked(NullTranslations):
    """A language in which every text stands between brackets."""

    def gettext(self, message: str) -> str:
        return f"[{message}]"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"[{msgid1 if n == 1 else msgid2}]"


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = {ENGLISH: NullTranslations(), "xx": Marked()}
    monkeypatch.setattr(translation, "load_catalogues", lambda: known)
    yield
    use(ENGLISH, NullTranslations())


@pytest.mark.usefixtures("marked")
async def test_pages_speak_the_language_of_their_reader(browser: Browser) -> None:
    await browser.sign_in("olga")
    for path in ("/console/messages", "/console/compose", "/console/people", "/console/carriers"):
        page = await browser.ask("GET", path, accept_language="de, xx;q=0.9, en;q=0.8")
        assert page.tree.get("lang") == "xx"
        head = page.tree.xpath("//h1 | //th[@scope='col'] | //label | //button | //nav//a")
        texts = [text for one in head for text in [" ".join(one.itertext()).strip()] if text]
        assert len(texts) > 15, path
        assert [text for text in texts if not text.startswith("[")] == [], path
        assert page.tree.findtext(".//title").startswith("["), path
    page = await browser.ask("GET", "/console/nowhere", accept_language="xx")
    assert page.tree.findtext(".//h1") == "[Not found]"
    page = await browser.ask("GET", "/console/messages?state=scheduled&notice=saved")
    assert page.tree.get("lang") == ENGLISH
    assert "Saved." in page.text


@pytest.mark.usefixtures("marked")
async def test_a_choice_is_kept_by_what_it_is_in_every_language(browser: Browser) -> None:
    await browser.sign_in("sena")
    at = "/console/display"
    page = await browser.ask("GET", at, accept_language="xx")
    *_, dark = page.tree.xpath("//input[@name='theme']/@value")
    form = page.fields(at) | {"theme": dark}
    await browser.post(at, **form)
    page = await browser.ask("GET", at, accept_language="xx")
    assert page.tree.xpath("/html/@data-theme") == ["dark"]


@pytest.mark.usefixtures("marked")
async def test_problems_of_forms_and_notices_are_looked_up(browser: Browser) -> None:
    await browser.sign_in("sena")
    page = await browser.get("/console/compose")
    fields = page.fields("/console/compose") | {"recipients": "abc", "text": "", "do": "send"}
    headers = {"accept_language": "xx", "origin": f"https://{browser.host}"}
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    page = await browser.ask("POST", "/console/compose", body, **headers)
    assert page.status == 400
    assert "[There was a problem]" in page.text
    problems = page.tree.xpath("//p[@class='problem']/text()")
    assert problems
    assert [problem for problem in problems if not problem.startswith("[")] == []
    page = await browser.ask("GET", "/console/account?notice=saved", accept_language="xx")
    assert "[Saved.]" in page.text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("da", "da"),
        ("da-DK, en;q=0.5", "da"),
        ("en-GB, da;q=0.9", "en"),
        ("fr;q=1.0, pt-br;q=0.4, da;q=0.3", "pt-br"),
        ("da;q=0, *;q=0.1", "en"),
        ("da;q=x, \ufffd", "en"),
        (",".join(["fr"] * 100) + ",da", "en"),
    ],
)
def test_the_language_is_chosen_as_the_browser_asks(accepted: str, language: str) -> None:
    known = dict.fromkeys(("en", "da", "pt-br"), NullTranslations())
    assert choose_language(accepted, known) == language


def test_a_lazy_text_is_looked_up_each_time_it_is_shown() -> None:
    text = lazy("Saved.")
    try:
        use("xx", Marked())
        assert (str(text), f"{text}", str(escape(text))) == ("[Saved.]",) * 3
        assert (gettext(""), ngettext("one", "many", 2)) == ("", "[many]")
        assert STATES[State.SENT] == "sent"
    finally:
        use(ENGLISH, NullTranslations())
    assert str(text) == "Saved."
    with pytest.raises(TypeError):
        msgspec.json.encode(text)  # what goes to a script is looked up before


def test_the_catalogue_has_the_texts_of_templates_and_of_code(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    with (root / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    catalogue = Catalog(locale="da")
    keywords = {"gettext": None, "lazy": None, "ngettext": (1, 2), "_": None}
    for package in PACKAGES:
        for _, _, message, _, _ in extract_from_dir(package, methods, options, keywords):
            catalogue.add(message)
    for known in ("Saved.", "Not enough credits.", "Sign in", "undelivered", "Skip to content"):
        assert known in catalogue, known
    assert ("%(parts)s part", "%(parts)s parts") in [
        one.id for one in catalogue if one.pluralizable
    ]
    catalogue["Saved."].string = "Gemt."
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    folder = tmp_path / "da" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "console.mo").write_bytes(compiled.getvalue())
    found = translation.load_catalogues(tmp_path)["da"]
    assert isinstance(found, GNUTranslations)
    assert found.gettext("Saved.") == "Gemt."
