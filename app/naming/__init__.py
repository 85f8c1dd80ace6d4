"""Which names are good, and which one is next: pure functions over the policy's frozen values."""
