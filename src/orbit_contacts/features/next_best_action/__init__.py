"""What to do next with a contact: on which channel, when, or better not at all."""
