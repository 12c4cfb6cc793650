"""The mark of the last group is there, and no other, whatever became of the groups before."""

from __future__ import annotations

from sqlalchemy import select

from dragoman.storage import marks
from dragoman.storage.engine import Storage


def test_only_the_mark_of_the_last_group_stays(database_url: str) -> None:
    storage = Storage(database_url)
    try:
        number = 10
        for fails in (False, False, True, True, False, True, False, False):
            with storage._write_engine.connect() as connection:
                transaction = connection.begin()
                marks.put(connection, number, b"answer %d" % number)
                transaction.rollback() if fails else transaction.commit()
                with connection.begin():
                    found = marks.find(connection, number)
                    assert found == (None if fails else b"answer %d" % number)
                    kept = connection.execute(select(marks.group_marks.c.number)).all()
                    assert len(kept) == 1
            number += 1
        for number in range(100, 101 + marks.REMEMBERED + 5):
            with storage._write_engine.connect() as connection:
                transaction = connection.begin()
                marks.put(connection, number, b"answer")
                transaction.rollback()
        with storage._write_engine.begin() as connection:
            connection.info.pop("marks", None)  # as on a new connection
            marks.put(connection, 1, b"of a new process")
            assert connection.execute(select(marks.group_marks.c.answer)).all() == [
                (b"of a new process",)
            ]
    finally:
        storage.close()
