"""The command line: argv, environment, terminal and exit codes live here and nowhere else."""
