"""What the suites share: every engine in a process of its own, asked in turns, its rows checked.

Reading order: `suite` (what a suite has to give), `cache` and `rows` (where its data lies, and how
it is made), `engines` (who answers), `server` and `client` (the two sides of an engine's process),
`rounds` (who is asked when), `comparison`, `checksum` and `verification` (whether the answers
agree), `memory` (what the answer cost), `report` (what is written), `command` (the switches).
"""
