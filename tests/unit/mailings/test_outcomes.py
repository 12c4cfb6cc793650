"""What answers of mail servers mean."""

import pytest

from dragoman.core.campaigns.model.mailings import DeliveryState
from dragoman.core.campaigns.outcomes import Answer, MailSchedule, Stage

SCHEDULE = MailSchedule(first_s=300, longest_s=14_400, give_up_after_s=259_200)
SENT, FAILED, BOUNCED, PENDING = (
    DeliveryState.SENT,
    DeliveryState.FAILED,
    DeliveryState.BOUNCED,
    DeliveryState.PENDING,
)


@pytest.mark.parametrize(
    ("stage", "code", "text", "state"),
    [
        (Stage.CONTENT, 250, "2.0.0 OK", SENT),
        (Stage.RECIPIENT, 550, "5.1.1 no such user", BOUNCED),
        (Stage.RECIPIENT, 550, "no such user", BOUNCED),
        (Stage.RECIPIENT, 553, "what is that?", BOUNCED),
        (Stage.RECIPIENT, 550, "5.7.1 relaying denied", FAILED),
        (Stage.RECIPIENT, 552, "5.2.2 mailbox full", FAILED),
        (Stage.RECIPIENT, 554, "no", FAILED),
        (Stage.CONTENT, 550, "5.1.1 no such user", BOUNCED),
        (Stage.CONTENT, 550, "spam", FAILED),
        (Stage.CONTENT, 554, "5.7.1 spam", FAILED),
        (Stage.RECIPIENT, 450, "4.2.1 later", PENDING),
        (Stage.CONTENT, 451, "4.3.0 later", PENDING),
        (Stage.CONTENT, None, "", PENDING),
        (Stage.RECIPIENT, None, "", PENDING),
        # The relay is the matter, and its operator can mend it.
        (Stage.CONNECTION, None, "", PENDING),
        (Stage.CONNECTION, 535, "5.7.8 bad password", PENDING),
        (Stage.CONNECTION, 550, "5.1.1 who are you?", PENDING),
    ],
)
def test_judge_answers(stage: Stage, code: int | None, text: str, state: DeliveryState) -> None:
    answer = Answer(stage=stage, code=code, text=text)
    assert SCHEDULE.judge(answer, 10) is state
    too_old = FAILED if state is PENDING else state
    assert SCHEDULE.judge(answer, 259_200) is too_old


def test_only_silence_after_the_content_may_hide_a_delivery() -> None:
    lost = {
        (stage, code)
        for stage in Stage
        for code in (None, 250, 451, 550)
        if Answer(stage=stage, code=code).is_lost
    }
    assert lost == {(Stage.CONTENT, None)}


def test_delays_double_up_to_the_longest() -> None:
    assert [SCHEDULE.delay_s(n, 0.5) for n in (1, 2, 3, 6, 7, 10_000)] == [
        *(300, 600, 1200, 9600),
        *(14_400, 14_400),
    ]
    assert SCHEDULE.delay_s(1, 0.0) == 240
