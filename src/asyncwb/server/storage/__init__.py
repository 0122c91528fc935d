"""What the server keeps, over SQLAlchemy Core: one code for SQLite and PostgreSQL."""
