"""AdapterFusion: attention over the tasks' adapters, trained by labels; they all stay."""
