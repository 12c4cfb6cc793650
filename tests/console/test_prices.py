"""What carriers charge: a list is compared, then imported; mistakes are shown by line."""

from __future__ import annotations

from .conftest import HOST, Browser, Page

LIST = "prefix,price,from\r\n45,0.03,\r\n46,0.04,2026-01-01\r\n"
PATH = "/console/prices"


async def upload(browser: Browser, page: Page, content: bytes, **fields: str) -> Page:
    """Sends the form as a browser sends one with a file."""
    given = {"form_token": page.fields(PATH)["form_token"], "carrier": "simulator", **fields}
    parts = [f'Content-Disposition: form-data; name="{n}"\r\n\r\n{v}' for n, v in given.items()]
    file = 'Content-Disposition: form-data; name="file"; filename="prices.csv"\r\n\r\n'
    pieces = [*(part.encode() for part in parts), file.encode() + content]
    body = b"".join(b"--xyz\r\n" + piece + b"\r\n" for piece in pieces) + b"--xyz--\r\n"
    kind = "multipart/form-data; boundary=xyz"
    return await browser.ask("POST", PATH, body, content_type=kind, origin=f"https://{HOST}")


async def test_a_list_is_shown_before_it_is_imported(browser: Browser) -> None:
    await browser.sign_in("olga")
    page = await browser.get(PATH)
    assert "simulator – –" in page.text
    page = await browser.send(page, PATH, carrier="simulator", content=LIST, do="check")
    assert "2 new; 2 prices after it. + 45: 0.03 + 46 from 2026-01-01: 0.04" in page.text
    assert await browser.services.price_lists.views() == ()
    (form, _) = page.tree.xpath("//form[@action='/console/prices']")
    fields = dict(form.form_values())
    fields["content"] = fields["content"].removeprefix("\n")  # as browsers do
    done = await browser.follow(await browser.post(PATH, **fields, do="apply"))
    assert "simulator 2 2026-09-21" in done.text
    file = await browser.download(f"{PATH}/simulator.csv")
    assert file.body == b"prefix,price,from,until\n45,0.03,,\n46,0.04,2026-01-01,\n"
    changes = await browser.get("/console/changes")
    assert "imported the prices of the carrier simulator" in changes.text
    again = await browser.post(PATH, **fields, do="apply")
    assert again.status == 409, "somebody imported in between"
    page = await browser.send(done, PATH, carrier="simulator", do="remove")
    assert "simulator – –" in page.text


async def test_a_file_is_taken_and_its_mistakes_are_shown_by_line(browser: Browser) -> None:
    await browser.sign_in("olga")
    page = await browser.get(PATH)
    shown = await upload(browser, page, LIST.encode("utf-8-sig"), do="check")
    assert "2 new" in shown.text
    shown = await upload(browser, page, b"prefix,price\n45,fr\xe9\n46,1\n<b>,1\n", do="check")
    assert shown.status == 422
    assert "The list was not imported Line Problem 2 'fré' is not a price 4 '<b>'" in shown.text
    assert b"<b>" not in shown.body
    assert await browser.services.price_lists.views() == ()


async def test_other_pages_take_no_files(browser: Browser) -> None:
    await browser.sign_in("olga")
    kind = "multipart/form-data; boundary=xyz"
    answer = await browser.ask("POST", "/console/routes", b"--xyz--\r\n", content_type=kind)
    assert answer.status == 415


async def test_who_does_not_operate_sees_no_prices(browser: Browser) -> None:
    await browser.sign_in("adam")
    assert (await browser.get(PATH)).status == 403
    assert (await browser.get(f"{PATH}/simulator.csv")).status == 403
