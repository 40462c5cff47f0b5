"""What the loop bakes in: where every example comes from, whether it can be trusted, whether diversity is dying."""
