"""What a run tells about where it runs: program, repository, packages, machine."""

from asyncwb.run.environment.program import Program, find_program
from asyncwb.run.environment.survey import Survey
from asyncwb.run.environment.surveyor import SURVEYOR

__all__ = ["SURVEYOR", "Program", "Survey", "find_program"]
