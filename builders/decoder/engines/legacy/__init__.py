"""TensorRT-LLM's compiled engines, by the last release that has them: a legacy."""
