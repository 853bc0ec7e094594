"""One line of text: its outline, and how it is cut out for the recogniser."""
