# As the stand-in backend calls its own package inside Triton.
from runtime.backends.onnxruntime import batch as batch
from runtime.backends.onnxruntime import failures as failures
from runtime.backends.onnxruntime import session as session
