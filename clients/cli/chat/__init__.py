"""Questions to a decoder: one by `ask`, or a conversation by `chat`."""
