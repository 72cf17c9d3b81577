"""Room checking: the grader. It runs the functions of its users in a child process."""

from firth.checking.check import check_paths
from firth.checking.discovery import KINDS
from firth.checking.process import Limits
from firth.checking.report import (
    Conventions,
    FileReport,
    Finding,
    FunctionReport,
    exit_status,
    format_csv,
    format_file,
    format_json,
    format_summary,
    format_text,
)

__all__ = [
    "KINDS",
    "Conventions",
    "FileReport",
    "Finding",
    "FunctionReport",
    "Limits",
    "check_paths",
    "exit_status",
    "format_csv",
    "format_file",
    "format_json",
    "format_summary",
    "format_text",
]
