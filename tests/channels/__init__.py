"""What becomes of notifications: their words, and every kind of channel against a server of its own."""
