"""What a gateway knows and does, one room a subject; `lint-imports` holds their order."""
