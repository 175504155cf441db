"""Is what was handed in work? One judgement for every agent's result, whoever wrote the agent: used at landing, and by our own agents before they say *done*."""
