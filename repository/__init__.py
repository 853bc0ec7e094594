"""A finished model repository as a thing: read, checked, verified, signed, listed, moved."""

import os

# Whatever of ours loads gRPC loads this first. gRPC's core starts its threads anew in each forked
# child, and of some hundred children one is aborted by it (grpcio 1.85: "pthread_create failed", or
# a poller's bad descriptor) before it becomes the program that it was forked for. None of our
# children goes on with gRPC.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
