"""Training of the policy: SFT on trajectories, then GRPO on the same loop that answers users."""
