"""A connection to a Triton over gRPC: its address, its failures, what is asked again."""
