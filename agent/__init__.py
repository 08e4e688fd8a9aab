"""One investigation: the loop, the policies that drive it, the answer and the trajectory."""
