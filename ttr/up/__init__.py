"""`ttr up`: the embedded Redis, the processes of the Procfile and the supervisor that keeps them running."""
