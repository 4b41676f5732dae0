"""The admin API: over the parts below, with no logic of its own."""
