"""The presets' tables: what was sent and received, letter by letter."""
