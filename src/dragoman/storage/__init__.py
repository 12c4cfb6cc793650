"""SQL storage: engine, migrations and the group-commit writer; knows no subject."""
