"""Language models: servers, a model file on this machine, and recordings of earlier replies."""
