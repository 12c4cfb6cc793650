"""Whatever JSON stands in a message, it is read or refused; nothing else can happen."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.dialects import LinkMobility
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.errors import problem_of
from dragoman.dialects.linkmobility.schemas import Message
from dragoman.dialects.linkmobility.submissions import read_message
from dragoman.web.bodies import decode_json
from dragoman.web.refusals import MalformedBody

ACCOUNT = Account(account_id=1, username="hn", wallet_id=2)
FIELDS = [field.encode_name for field in msgspec.structs.fields(Message)]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["+4512345678", "true", "0", "GSM", "BINARY", "22-09-2026 10:00", "c1", "12"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def read(fields: dict[str, Any]) -> Submission | Refused | MalformedBody:
    try:
        message = decode_json(msgspec.json.encode(fields), Message)
        return read_message(message, ACCOUNT, "Europe/Copenhagen", LinkMobility(), "")
    except (Refused, MalformedBody) as refused:
        return refused


@given(st.dictionaries(st.sampled_from(FIELDS), values, max_size=6))
def test_any_message_is_read_or_refused(fields: dict[str, Any]) -> None:
    result = read({"recipients": "+4512345678", "message": "Hello"} | fields)
    if isinstance(result, Refused):
        problem = problem_of(result)
        status = 403 if result.code is RefusalCode.PERMISSION_DENIED else 400
        assert (problem.status, bool(problem.message)) == (status, True)
    elif isinstance(result, Submission):
        assert all(number.startswith("+") for number in result.recipients)
        assert result.message_class in {None, 0, 2, 3}
        assert 0 <= result.protocol_id <= 255


@pytest.mark.parametrize("field", sorted({*FIELDS} - {"recipients", "message"}))
@pytest.mark.parametrize("nothing", [None, ""])
def test_field_with_nothing_in_it_is_as_if_not_sent(field: str, nothing: Any) -> None:
    usual = {"recipients": "+4512345678", "message": "Hello"}
    assert read(usual | {field: nothing}) == read(usual)
