"""What is shipped: the checkpoint, its figures and model card, and the sounds to measure on."""
