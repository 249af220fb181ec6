"""Programs that the engine's interpreter runs. A folder of their own: it is the first on their path of imports."""
