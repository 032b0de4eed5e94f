{{ curl }} {{ url }}/start
/path/to/job
{{ curl }} {{ url }}/$?
