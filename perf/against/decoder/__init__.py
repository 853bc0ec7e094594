"""The served decoder beside engines of others: speed, stalls, prefixes, and what HTTP adds."""
