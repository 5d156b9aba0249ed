"""What is paid before and beside the work: ``python -m benchmarks.overhead``.

Reading order: `ask` (a script that runs as a new process: an engine is imported and asked),
`measured` (who is started when), `report` (what is written), `command` (the switches).
"""
