"""Running trials: the plan, and one file a strategy."""
