"""Messages: their states, their rows, those in progress, their events."""
