"""From a profile to the models and exports that it asks for."""
