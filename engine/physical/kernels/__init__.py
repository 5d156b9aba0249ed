"""The loops an engine lives in, as pure functions over arrays: hash, group, join, sort, partition.

No kernel knows an operator or a task, and none has state, so each can be replaced by a compiled
one.
"""
