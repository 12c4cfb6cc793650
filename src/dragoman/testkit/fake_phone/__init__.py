"""A simulated phone with the app SMSGate, which makes its calls in the documented order."""

from dragoman.testkit.fake_phone.phone import FakePhone, SentText
from dragoman.testkit.fake_phone.wire import HttpAnswer

__all__ = ["FakePhone", "HttpAnswer", "SentText"]
