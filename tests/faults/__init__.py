"""What may go wrong outside of syneg, done on purpose: see docs/reliability.md."""
