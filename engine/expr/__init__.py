"""What a column expression is: frozen nodes, the table of functions, their evaluation."""
