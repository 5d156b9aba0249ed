"""What the user asked for: frozen logical nodes, their text and graph, and what holds of any."""
