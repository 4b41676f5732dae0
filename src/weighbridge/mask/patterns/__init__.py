"""The table of all that patterns find: personal data, and secrets."""
