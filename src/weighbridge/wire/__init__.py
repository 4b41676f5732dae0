"""Translations looked at from outside: one row converted, a corpus checked, what differs and what was told."""
