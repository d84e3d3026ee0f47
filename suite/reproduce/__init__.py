"""Running trials again from their records, and saying what came out otherwise."""
