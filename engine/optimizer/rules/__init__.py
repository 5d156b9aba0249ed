"""The rules, one file each: a function from a plan to a plan that gives the same rows."""
