"""The commands, a file each; they import what they need when they run."""

from studio.commands.compare import add_compare_command
from studio.commands.completion import add_completion_command
from studio.commands.convert import add_convert_command
from studio.commands.evaluate import add_evaluate_command
from studio.commands.hub import add_hub_command
from studio.commands.inspect import add_inspect_command
from studio.commands.lesson import add_lesson_command
from studio.commands.log import add_log_command
from studio.commands.merge import add_merge_command
from studio.commands.methods import add_methods_command
from studio.commands.optimize import add_optimize_command
from studio.commands.sequence import add_sequence_command
from studio.commands.sweep import add_sweep_command
from studio.commands.unmerge import add_replace_command, add_unmerge_command
from studio.commands.verify import add_verify_command
from studio.commands.write import add_write_command
from studio.commands.zoo import add_zoo_command

COMMANDS = (
    add_methods_command,
    add_zoo_command,
    add_inspect_command,
    add_merge_command,
    add_convert_command,
    add_evaluate_command,
    add_write_command,
    add_compare_command,
    add_optimize_command,
    add_sweep_command,
    add_lesson_command,
    add_unmerge_command,
    add_replace_command,
    add_verify_command,
    add_log_command,
    add_sequence_command,
    add_hub_command,
    add_completion_command,
)
"""What adds each, in the order in which ``--help`` shows them."""
