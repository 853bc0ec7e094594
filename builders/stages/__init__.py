"""Python-backend stages that several families use."""
