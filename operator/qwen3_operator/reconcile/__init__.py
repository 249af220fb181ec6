"""The edge: watch, queue, plan, apply, report. ``report``, ``diagnose`` and ``drift`` are pure."""
