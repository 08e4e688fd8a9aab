"""Reading text in pictures: a detector and reader that is always there, a second reader for the scripts that it lacks."""
