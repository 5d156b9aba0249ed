"""A better plan with the same answer: an ordered tuple of rules, and what drives them."""
