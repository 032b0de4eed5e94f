"""The archive in Postgres: the only package that knows it. Redis is the database; this is what outlives it."""
