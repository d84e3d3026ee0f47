"""What stands on each page: a study's, the front, a comparison's, the benchmarks'."""
