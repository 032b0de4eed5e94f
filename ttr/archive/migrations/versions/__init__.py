"""The revisions in order; `r0001_...py` has the revision id `0001`. One that was released never changes."""
