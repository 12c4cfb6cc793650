"""What a gateway knows and does, one package per subject; import-linter enforces their order."""
