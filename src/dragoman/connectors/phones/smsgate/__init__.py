"""The phone protocol of the app SMSGate: the phone calls us, fetches, reports and hands in."""
