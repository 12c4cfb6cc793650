"""The phone protocol of the app SMSGate: phones call to fetch, report and deliver."""
