"""Training-time baselines: models that are trained on as tasks arrive, in place of merging."""
