"""An account as a file: written whole, and read back into an account whole or not at all."""
