"""What stands on nothing else: errors, checked fields, ids, wording, the cache, started processes."""
