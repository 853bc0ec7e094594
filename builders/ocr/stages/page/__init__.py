"""A page as a whole: how it is shown to the detector, and which way its lines run."""
