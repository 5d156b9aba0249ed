"""The engine: expressions, plans, their optimizer, and the execution of what comes out."""
