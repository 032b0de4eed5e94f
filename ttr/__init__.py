"""ttr: heartbeat and cron-job monitoring."""

__version__ = "0.1.0"
