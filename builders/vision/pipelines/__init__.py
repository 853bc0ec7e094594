"""The pipelines, a module for each kind of tower: models, and how tensors flow between them"""
