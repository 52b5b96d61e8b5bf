"""Optics Valley, a city that does not exist: what its departments would deliver, night by night, and what is true of it.

A simulation with known answers. It imports nothing of the pipeline, so that the two can be compared. Everything is a function of
seed, scale and date: integer arithmetic on counter-based random numbers, so that the same seed gives the same bytes on any machine.
"""
