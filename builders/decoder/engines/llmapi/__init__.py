"""TensorRT-LLM's LLM API, as the model that its Triton image has for it."""
