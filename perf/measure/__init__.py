"""One measurement: what sends the requests, and what they cost the processes that answer."""
