"""A phone with the app SMSGate that nobody has to hold: the app's documented order of calls."""

from dragoman.testkit.fake_phone.phone import FakePhone, SentText
from dragoman.testkit.fake_phone.wire import HttpAnswer

__all__ = ["FakePhone", "HttpAnswer", "SentText"]
