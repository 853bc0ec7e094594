"""Which neighbouring steps of a pipeline can be one model, and what that model is"""
