"""An OpenAI-compatible front of a served repository: HTTP outside, Triton's gRPC behind"""
