"""SQL is the truth: tables, migrations, repositories and the group-commit writer."""
