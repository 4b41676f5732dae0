"""Engines and people that judge answers where no program can: by a rubric, or two answers side by side.

A judge sees the answers as data between fences, gives its reasons, and answers in a form that can be read; what cannot
be read is asked for again and then counts as missing, never as a loss. Pairs are judged in both orders. Answers of judges
are kept like all others, so that nothing is asked twice. `told` says how far they are to be trusted.
"""
