"""An SMSC with virtual phones and faults on demand, speaking real SMPP over TCP."""

from dragoman.testkit.simulator.behaviour import Answer, Behaviour, ReceiptStyle, ReceiptTiming
from dragoman.testkit.simulator.ids import IdStyle
from dragoman.testkit.simulator.phones import Phone, ReceivedText
from dragoman.testkit.simulator.smsc import Simulator, Submit

__all__ = [
    "Answer",
    "Behaviour",
    "IdStyle",
    "Phone",
    "ReceiptStyle",
    "ReceiptTiming",
    "ReceivedText",
    "Simulator",
    "Submit",
]
