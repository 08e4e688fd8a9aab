"""Talking about where photos were taken: cases that are kept, statements of the user, questions about reasoning and place."""
