"""What TensorRT-LLM's C++ backend is asked for a request"""
