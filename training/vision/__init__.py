"""The small LLaVA of ``demo:vision``: its scenes, its questions, its training."""
