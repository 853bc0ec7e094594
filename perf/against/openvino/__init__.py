"""openvino-genai: its environment, its own converter, and how it decodes."""
