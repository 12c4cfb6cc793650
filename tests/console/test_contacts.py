"""Contacts in the console: lists, files in every encoding, and two people who edit."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest

from dragoman.core.contacts.model.contacts import ContactFilter
from dragoman.core.contacts.model.uploads import Mapping, UploadState

from .conftest import Browser, path_of

HEAD = "Mobile,First name,City\n"
ROWS = (
    '+4530123456,Zoë,Århus\n30 12 34 57,=2+2,"Odense, C"\nnobody,Max,Vejle\n,,\n'
    "4530123456,Twice,X\n"
)


async def send_file(browser: Browser, data: bytes, name: str = "people.csv", **fields: str) -> Any:
    """Sends a file as a form does."""
    page = await browser.get("/console/contacts/import")
    token = page.fields("/console/contacts/import")["form_token"]
    return await browser.post_file(
        "/console/contacts/import", name, data, form_token=token, **fields
    )


async def import_file(browser: Browser, data: bytes, **choices: str) -> Any:
    """Sends a file, imports it as the preview proposes, and returns the last page."""
    page = await send_file(browser, data)
    assert page.status == 303, page.text
    at = path_of(page)
    preview = await browser.get(at)
    page = await browser.post(at, **preview.fields(at) | {"do": "import"} | choices)
    assert page.status == 303, page.text
    await browser.services.uploads.settled(at.rsplit("/", 1)[1])
    return await browser.get(at)


async def contacts_of(browser: Browser, username: str = "sena") -> dict[str, dict[str, str]]:
    account = await browser.services.accounts.find(username)
    wanted = ContactFilter(account_id=account.account_id)
    page = await browser.services.contacts.search(wanted, 0, 100)
    return {one.mobile: one.fields for one in page.contacts}


@pytest.fixture
async def sena(browser: Browser) -> Browser:
    await browser.sign_in("sena")
    return browser


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [
        ("utf-8", ","),
        ("utf-8-sig", ";"),
        ("utf-16", "\t"),
        ("utf-16-be", ";"),
        ("utf-16-le", ","),
        ("cp1252", ";"),
    ],
)
async def test_file_is_read_in_every_encoding(sena: Browser, encoding: str, separator: str) -> None:
    text = (HEAD + ROWS).replace(",", separator).replace(f'"Odense{separator} C"', '"Odense, C"')
    page = await import_file(sena, text.encode(encoding), country="DK")
    assert "4 of 4 rows, 1 left out" in page.text
    assert "not a phone number" in page.text
    assert await contacts_of(sena) == {
        "4530123456": {"First name": "Zoë", "City": "Århus"},
        "4530123457": {"First name": "=2+2", "City": "Odense, C"},
    }
    [row] = page.tree.xpath("//table/tbody/tr")
    assert "4" in row.text_content()
    assert "nobody" in row.text_content()


async def test_download_neutralises_formulas_and_is_read_back(sena: Browser) -> None:
    await import_file(sena, (HEAD + ROWS).encode(), country="DK")
    file = await sena.download("/console/contacts/all/export")
    assert file.body.startswith(b"\xef\xbb\xbf")
    assert "'=2+2" in file.body.decode("utf-8-sig")
    before = await contacts_of(sena)
    await import_file(sena, file.body, new_list="again")
    assert await contacts_of(sena) == before
    account = await sena.services.accounts.find("sena")
    sizes = await sena.services.contacts.counts(account)
    assert sorted(sizes.values()) == [2, 2]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 20, "This is not a CSV file."),
        (b"\n\n", "The file is empty."),
        (b"PK\x03\x04\xff\xfe" + bytes(range(256)), "This is not a CSV file."),
        (b",".join([b"x"] * 300) + b"\n", "more than 200 columns"),
        (b"\xff\xfea\x00\n\x00\x00\xd8", "The file is damaged"),
        (b"phone,name\n+4530123411,a\0b\n", "This is not a CSV file."),
    ],
)
async def test_what_is_no_table_is_refused(sena: Browser, data: bytes, sentence: str) -> None:
    page = await send_file(sena, data)
    assert page.status == 400
    assert sentence in page.text
    account = await sena.services.accounts.find("sena")
    assert not [u for u in sena.services.uploads.of_account(account) if u.state != "arriving"]


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"column-0": ""}, "Exactly one column must hold the numbers"),
        ({"column-1": "+"}, "Exactly one column must hold the numbers"),
        ({"column-1": "=City", "column-2": "=City"}, "Two columns have the same field"),
        ({"new_list": ""}, "This field is required."),
        ({"list": "999"}, "Not found."),
    ],
)
async def test_wrong_columns_store_nothing(
    sena: Browser, choices: dict[str, str], sentence: str
) -> None:
    at = path_of(await send_file(sena, (HEAD + ROWS).encode()))
    page = await sena.post(at, **(await sena.get(at)).fields(at) | {"do": "import"} | choices)
    assert page.status in (400, 404)
    if page.status == 400:
        assert sentence in page.text
    assert await contacts_of(sena) == {}
    account = await sena.services.accounts.find("sena")
    assert await sena.services.contacts.lists(account) == []


@pytest.mark.parametrize(
    ("data", "found", "faulty"),
    [
        (b"sep=;\r\nphone;name\r\n+4530123420;Q\r\n", {"4530123420": "Q"}, []),
        (b"\n\nphone,name\n+4530123421,a\n", {"4530123421": "a"}, []),
        (b"phone,name,Name\n+4530123422,a,b\n", {"4530123422": "a"}, []),
        (
            b'phone,name\n+4530123423,a\n+4530123424,"b\n+4530123425,c\n',
            {"4530123423": "a"},
            [("shape", 3)],
        ),
    ],
)
async def test_what_spreadsheets_write_around_rows_is_no_row(
    sena: Browser, data: bytes, found: dict[str, str], faulty: list[tuple[str, int]]
) -> None:
    at = path_of(await send_file(sena, data))
    await sena.post(at, **(await sena.get(at)).fields(at) | {"do": "import"})
    key = at.rsplit("/", 1)[1]
    await sena.services.uploads.settled(key)
    assert {number: values["name"] for number, values in (await contacts_of(sena)).items()} == found
    account = await sena.services.accounts.find("sena")
    rows = await sena.services.uploads.faulty_rows(account, key, 5)
    assert [(one.fault, one.row) for one in rows] == faulty


async def test_pieces_make_a_file_and_a_lost_answer_repeats_one(sena: Browser) -> None:
    token = (await sena.get("/console/contacts/import")).fields("/console/contacts/import")[
        "form_token"
    ]
    data = (HEAD + ROWS).encode()
    key, at = "", 0
    for piece, last in ((data[:20], ""), (data[:20], ""), (data[20:40], ""), (data[40:], "1")):
        start = 0 if piece == data[:20] else at
        page = await sena.post_file(
            *("/console/contacts/import-pieces", "people.csv", piece),
            form_token=token,
            key=key,
            at=str(start),
            last=last,
            name="p.csv",
        )
        answer = msgspec.json.decode(page.body)
        key, at = answer["key"], answer["size"]
    assert at == len(data)
    account = await sena.services.accounts.find("sena")
    [upload] = sena.services.uploads.of_account(account)
    assert (upload.state, upload.rows) == (UploadState.WAITING, 5)
    page = await sena.post_file(
        "/console/contacts/import-pieces", "p", b"x", form_token=token, key=key, at="99999"
    )
    assert "a piece of it is missing" in page.body.decode()


async def test_strangers_see_neither_lists_nor_files(sena: Browser) -> None:
    at = path_of(await send_file(sena, (HEAD + ROWS).encode()))
    await sena.post(at, **(await sena.get(at)).fields(at) | {"do": "import"})
    await sena.services.uploads.settled(at.rsplit("/", 1)[1])
    account = await sena.services.accounts.find("sena")
    [a_list] = await sena.services.contacts.lists(account)
    wanted = ContactFilter(account_id=account.account_id)
    [contact, *_] = (await sena.services.contacts.search(wanted, 0, 5)).contacts
    other = sena.another()
    await other.sign_in("stranger")
    for path in (
        at,
        f"{at}/faults",
        f"/console/contacts/lists/{a_list.list_id}",
        f"/console/contacts/lists/{a_list.list_id}/export",
        f"/console/contacts/{contact.contact_id}",
    ):
        assert (await other.get(path)).status == 404, path
    viewer = sena.another()
    await viewer.sign_in("vera")
    assert (await viewer.get("/console/contacts")).status == 403


async def test_two_people_who_edit_a_contact_overwrite_nothing(sena: Browser) -> None:
    await import_file(sena, (HEAD + ROWS).encode(), country="DK")
    account = await sena.services.accounts.find("sena")
    wanted = ContactFilter(account_id=account.account_id)
    found = (await sena.services.contacts.search(wanted, 0, 5)).contacts
    contact = next(one for one in found if one.mobile == "4530123456")
    at = f"/console/contacts/{contact.contact_id}"
    mine, theirs = await sena.get(at), await sena.get(at)
    city = next(name for name, value in mine.fields(at).items() if value == "Århus")
    assert (await sena.post(at, **theirs.fields(at) | {city: "Ribe"})).status == 303
    page = await sena.post(at, **mine.fields(at) | {city: "Skagen"})
    assert page.status == 409
    assert "Current value: Ribe" in page.text
    assert page.fields(at)[city] == "Skagen"
    page = await sena.post(at, **page.fields(at))
    assert page.status == 303
    assert (await contacts_of(sena))[contact.mobile]["City"] == "Skagen"
    stale = await sena.get(at)
    assert (await sena.post(at, **stale.fields(at) | {"do": "delete"})).status == 303
    assert (await sena.get(at)).status == 404


async def test_list_is_renamed_moved_and_deleted(sena: Browser) -> None:
    page = await sena.get("/console/contacts")
    token = page.fields("/console/contacts")["form_token"]
    for name in ("Members", "Board"):
        page = await sena.post("/console/contacts", form_token=token, do="list", name=name)
        assert page.status == 303
    account = await sena.services.accounts.find("sena")
    outer, inner = await sena.services.contacts.lists(account)
    at = f"/console/contacts/lists/{inner.list_id}"
    page = await sena.send(await sena.get(at), at, mobile="+45 30 12 34 56")
    assert "Contact added." in page.text
    assert (await sena.send(await sena.get(at), at, mobile="12")).status == 400
    page = await sena.get(f"{at}/settings")
    form = page.tree.xpath("//form")
    version = form[-2].xpath(".//input[@name='version']/@value")[0]
    moved = {"form_token": token, "version": version, "name": "The board"}
    page = await sena.post(f"{at}/settings", **moved, parent=str(outer.list_id))
    assert page.status == 303
    stale = await sena.post(f"{at}/settings", **moved, parent="")
    assert stale.status == 409
    page = await sena.get(f"{at}/settings")
    fields = page.fields(f"{at}/settings")
    page = await sena.follow(await sena.post(f"{at}/settings", **fields | {"do": "delete"}))
    assert "List deleted" in page.text
    assert await contacts_of(sena) == {}


async def test_import_goes_on_after_a_restart(sena: Browser, monkeypatch: Any) -> None:
    from dragoman.core.contacts import uploads as module

    monkeypatch.setattr(module, "GROUP_ROWS", 2)
    services = sena.services
    account = await services.accounts.find("sena")
    file = io.StringIO()
    file.write("number\n")
    file.writelines(f"+453012{n:04}\n" for n in range(9))
    upload = await services.uploads.add(account, "p.csv", file.getvalue().encode())
    shape = await services.uploads.shape(account, upload.key)
    assert shape.number_column == 0
    original = services.imports.add_rows
    calls = 0

    async def fails(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            await original(*arguments)  # stored, and the process dies before it is noted
            raise SystemError
        return await original(*arguments)

    object.__setattr__(services.imports, "add_rows", fails)
    mapping = Mapping(fields=("+",), list_name="All", drop_duplicates=False)
    await services.uploads.start(account, upload.key, mapping)
    await services.uploads.settled(upload.key)
    object.__setattr__(services.imports, "add_rows", original)
    found = services.uploads.find(account, upload.key)
    assert (found.state, found.read) == (UploadState.FAILED, 4)
    left = msgspec.structs.replace(found, state=UploadState.RUNNING, problem="")
    await services.uploads._save(left)
    services.uploads._known.clear()
    await services.uploads._restore()
    await services.uploads.settled(upload.key)
    found = services.uploads.find(account, upload.key)
    assert (found.state, found.read) == (UploadState.DONE, 9)
    assert len(await contacts_of(sena)) == 9
    assert sum((await services.contacts.counts(account)).values()) == 9
