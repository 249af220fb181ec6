"""One module per engine, each with an ``ADAPTER``. A new file here is a new engine; nothing else has to know of it."""
