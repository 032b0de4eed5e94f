docker run --rm --entrypoint /bin/sh your-image -c '/path/to/job'
{{ curl }} {{ url }}/$?
