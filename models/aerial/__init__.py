"""Where a downward-looking aircraft is, from pictures of the ground alone: tiles, edges, matching, tracking."""
