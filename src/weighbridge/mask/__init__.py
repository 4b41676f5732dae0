"""Finds personal data and secrets in texts, puts surrogates in their place, and brings the values back.

Texts and canon requests in and out; it knows nothing of HTTP, engines or stores. It fails closed: what cannot be
looked through is not passed on.
"""
