"""The forecast in the database: signed commits, the roll-up, frozen snapshots, sign-offs, closing. Never commits.

Rows here only come to be; none is changed. What counts, and in which words it changed, is `models.domain.forecast`.
"""
