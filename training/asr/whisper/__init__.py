"""The Whispers of tests and benchmarks: a tiny one that is trained, and one of random weights."""
