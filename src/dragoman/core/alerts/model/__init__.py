"""Rules of alerts, and what they found."""
