"""The ping contract, spoken over real sockets to a real server."""
