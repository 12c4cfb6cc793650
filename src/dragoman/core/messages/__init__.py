"""What a message is: its states, its rows, those on their way, its events."""
