"""Labs and copies of the project, beside the user's: for tests, load test and benchmarks."""
