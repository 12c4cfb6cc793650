"""Files of contacts: uploading one, saying what its columns are, and watching the import."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec
import phonenumbers

from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.reading import read_count
from dragoman.console.regions import region_choices, region_of
from dragoman.console.tables import render_csv
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.contacts.contacts import MAX_FIELD_NAME
from dragoman.core.contacts.csv_files import TableShape
from dragoman.core.contacts.model.uploads import NUMBER_COLUMN, Mapping, Upload, UploadState
from dragoman.core.contacts.uploads import MAX_BYTES, MAX_FAULTS_KEPT
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

SHOWN_FAULTS: Final = 20
PIECE_BYTES: Final = 4 << 20
"""What a script sends at a time; a whole file may be as large as the server takes."""
NEW_FIELD: Final = "*"
"""Stands for a field with the name of the column."""
ENCODINGS: Final = {
    "utf-8": "UTF-8",
    "utf-8-sig": lazy("UTF-8 with a mark"),
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": lazy("Windows-1252"),
}
SEPARATORS: Final = {
    ",": lazy("commas"),
    ";": lazy("semicolons"),
    "\t": lazy("tabs"),
    "|": lazy("bars"),
}
FAULTS: Final = {
    "mobile": lazy("not a phone number, or without its country code"),
    "value": lazy("a value that cannot be stored"),
    "shape": lazy("too few columns, or a quotation mark that is never closed"),
}
_AT: Final = "/contacts/import"


async def show_form(request: PageRequest) -> Response:
    """The form for a file."""
    return _show_form(request)


async def take_file(request: PageRequest) -> Response:
    """Takes a whole file, and leads to its preview."""
    files = request.files
    if not files or not files[0].data:
        is_chosen = bool(files and files[0].filename)
        said = gettext("The file is empty.") if is_chosen else gettext("Choose a file.")
        request.problems["file"] = said
        return _show_form(request, 400)
    try:
        upload = await request.services.uploads.add(
            request.account, files[0].filename, files[0].data
        )
    except Refused as refused:
        if refused.code is not RefusalCode.INVALID_FIELD:
            raise
        request.problems["file"] = refused.detail
        return _show_form(request, 400)
    return request.go(f"{_AT}/{upload.key}{_wanted_list(request)}")


async def take_piece(request: PageRequest) -> Response:
    """Takes a piece of a file from our script; the answer says where it goes on."""
    uploads, form = request.services.uploads, request.form
    data = request.files[0].data if request.files else b""
    key, at = form.get("key", ""), read_count(form.get("at", "")) or 0
    try:
        if not key:
            key = (await uploads.begin(request.account, form.get("name", ""))).key
        upload = await uploads.add_piece(request.account, key, at, data)
        if form.get("last"):
            upload = await uploads.complete(request.account, key)
    except Refused as refused:
        problem = refused.detail or describe_refusal(refused)
        return request.give_json(msgspec.json.encode({"problem": problem}))
    answer = {"key": key, "size": upload.size, "next": f"/console{_AT}/{key}"}
    return request.give_json(msgspec.json.encode(answer))


async def show_upload(request: PageRequest) -> Response:
    """A file: its preview with the form for its columns, or how far it is."""
    upload = _find(request)
    if upload.state is UploadState.WAITING:
        return await _show_mapping(request, upload)
    return await _show_progress(request, upload)


async def act_on_upload(request: PageRequest) -> Response:
    """Imports a file as its form says, or deletes it."""
    upload, uploads = _find(request), request.services.uploads
    if request.form.get("do") == "discard":
        await uploads.discard(request.account, upload.key)
        return request.go("/contacts", "upload-discarded")
    shape = None
    if upload.state is UploadState.WAITING:
        shape = await uploads.shape(request.account, upload.key)
        try:
            await uploads.start(request.account, upload.key, _read_mapping(request, shape))
        except Refused as refused:
            if refused.code in (RefusalCode.UNAVAILABLE, RefusalCode.PERMISSION_DENIED):
                raise
            field = {"name": "new_list", "columns": "columns", "list": "list"}
            said = describe_refusal(refused)
            if refused.subject == "columns":
                said = f"{refused.detail.capitalize()}."
            request.problems[field.get(refused.subject, "")] = said
            return await _show_mapping(request, upload, 400)
    return request.go(f"{_AT}/{upload.key}")


async def tell_progress(request: PageRequest) -> Response:
    """How far an import is, for a script."""
    upload = _find(request)
    told = {
        "read": upload.read,
        "rows": upload.rows,
        "faulty": upload.faulty,
        "ended": upload.state in (UploadState.DONE, UploadState.FAILED),
    }
    return request.give_json(msgspec.json.encode(told))


async def export_faults(request: PageRequest) -> Response:
    """The rows that were left out, as a file."""
    upload = _find(request)
    rows = await request.services.uploads.faulty_rows(request.account, upload.key, MAX_FAULTS_KEPT)
    body = render_csv(
        ("row", "problem", "column", "value"),
        ((one.row, FAULTS[one.fault], one.field, one.value) for one in rows),
    )
    return request.give_file("rows-left-out.csv", b"\xef\xbb\xbf" + body)


def _show_form(request: PageRequest, status: int = 200) -> Response:
    settings = request.services.settings
    return request.show(
        "upload.html",
        status,
        largest_mb=min(settings.http.max_body_bytes, MAX_BYTES) >> 20,
        largest_with_script_mb=MAX_BYTES >> 20,
        piece_bytes=min(PIECE_BYTES, settings.http.max_body_bytes // 2),
        wanted_list=request.query.get("list", "") or request.form.get("list", ""),
    )


async def _show_mapping(request: PageRequest, upload: Upload, status: int = 200) -> Response:
    services, form = request.services, request.form
    shape = await services.uploads.shape(request.account, upload.key)
    fields = [one.name for one in await services.contacts.merge_fields(request.account)]
    known = {name.casefold(): name for name in fields}
    chosen = []
    for at, column in enumerate(shape.columns):
        usual = known.get(column.casefold(), NEW_FIELD if shape.has_heading else "")
        if at == shape.number_column:
            usual = NUMBER_COLUMN
        elif column.casefold() in map(str.casefold, shape.columns[:at]):
            usual = ""  # two columns cannot fill the same field
        chosen.append(form.get(f"column-{at}", usual))
    lists = await services.contacts.lists(request.account)
    return request.show(
        "upload-columns.html",
        status,
        upload=upload,
        shape=shape,
        encoding=ENCODINGS[shape.encoding],
        separator=SEPARATORS[shape.separator],
        chosen=chosen,
        options=[
            ("", gettext("leave out")),
            (NUMBER_COLUMN, gettext("the phone number")),
            (NEW_FIELD, gettext("a field of this name")),
            *((f"={name}", name) for name in fields),
        ],
        known=set(fields),
        lists=[("", gettext("a new list")), *((str(one.list_id), one.name) for one in lists)],
        chosen_list=form.get("list", request.query.get("list", "")),
        new_list=form.get("new_list", upload.name.rpartition(".")[0][:100]),
        countries=[
            ("", gettext("none: all numbers have their country code")),
            *region_choices(),
        ],
        country=form.get("country", region_of(request)),
        duplicates=not form or bool(form.get("duplicates")),
        clean=bool(form.get("clean")),
        labels={
            "columns": gettext("Columns"),
            "new_list": gettext("Name of the new list"),
            "list": gettext("List"),
        },
    )


async def _show_progress(request: PageRequest, upload: Upload) -> Response:
    faulty = await request.services.uploads.faulty_rows(request.account, upload.key, SHOWN_FAULTS)
    return request.show(
        "upload-progress.html",
        upload=upload,
        percent=min(100, upload.read * 100 // max(upload.rows, 1)),
        is_running=upload.state is UploadState.RUNNING,
        faulty=faulty,
        faults=FAULTS,
        progress=f"{_AT}/{upload.key}/progress",
    )


def _read_mapping(request: PageRequest, shape: TableShape) -> Mapping:
    form = request.form
    fields: list[str] = []
    for at, column in enumerate(shape.columns):
        chosen = form.get(f"column-{at}", "")
        if chosen == NEW_FIELD:
            chosen = "=" + column.replace("[", "(").replace("]", ")")[:MAX_FIELD_NAME]
        fields.append(NUMBER_COLUMN if chosen == NUMBER_COLUMN else chosen.removeprefix("="))
    region = form.get("country", "")
    code = phonenumbers.country_code_for_region(region) if region else 0
    return Mapping(
        fields=tuple(fields),
        calling_code=str(code) if code else "",
        list_id=read_count(form.get("list", "")),
        list_name=form.get("new_list", ""),
        drop_duplicates=bool(form.get("duplicates")),
        clean=bool(form.get("clean")),
    )


def _find(request: PageRequest) -> Upload:
    return request.services.uploads.find(request.account, request.http.path_params["key"])


def _wanted_list(request: PageRequest) -> str:
    wanted = read_count(request.form.get("list", ""))
    return f"?list={wanted}" if wanted else ""


_page: Final[Any] = partial(Page, section="Contacts", needs=Permission.SEND)
PAGES: Final = (
    _page(_AT, lazy("Import contacts"), show=show_form, act=take_file, files_bytes=MAX_BYTES),
    _page(
        "/contacts/import-pieces",
        lazy("Import contacts"),
        act=take_piece,
        files_bytes=PIECE_BYTES * 2,
    ),
    _page(f"{_AT}/{{key}}", lazy("Import contacts"), show=show_upload, act=act_on_upload),
    _page(f"{_AT}/{{key}}/progress", lazy("Import contacts"), show=tell_progress, background=True),
    _page(f"{_AT}/{{key}}/faults", lazy("Rows left out"), show=export_faults),
)
