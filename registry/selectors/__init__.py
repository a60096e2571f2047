"""
Every read of the registry; never writes.

The only place that narrows by organisation: whatever is not one's own does not exist (``Http404``).
"""
