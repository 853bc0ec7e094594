"""Persistent volume claims of a cluster, by way of kubectl."""
