"""How a plan is run: operators, the stages they are fused into, and the exchanges between."""
