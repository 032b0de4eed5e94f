{{ curl }} {{ url }}
