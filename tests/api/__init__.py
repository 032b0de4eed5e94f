"""The JSON API, asked politely and otherwise."""
