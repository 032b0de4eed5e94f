"""The documents hold: what they lead to is there, what they say of settings is so, and what they tell to type works."""
