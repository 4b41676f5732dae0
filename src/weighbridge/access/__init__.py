"""Who may ask for what, how much and how often: keys, limits, budgets, and who changed them."""
