"""What figures say: ratios with intervals, the verdict, and the gate against a baseline."""
