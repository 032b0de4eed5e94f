"""The bot of this installation at Telegram: it sends whoever asks a link that logs in, or links, once."""
