"""The departments of an invented city as real servers on loopback: SFTP, PostgreSQL, HTTP, S3, a drop folder.

`lake suppliers up` starts them and the tests do; nothing of the pipeline needs them. They take packages of `make setup-dev`.
"""
