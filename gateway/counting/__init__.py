"""What the gateway counts, as Prometheus reads it"""
