out=$(/path/to/job 2>&1); s=$?
printf %s "$out" | tail -c 100000 |
  {{ upload }} {{ url }}/$s
