"""The server behind: its models, asked by gRPC"""
