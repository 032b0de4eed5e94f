# In Task Scheduler: start the program powershell.exe with the arguments
# -NoProfile -ExecutionPolicy Bypass -File "C:\path\to\this.ps1"
$url = '{{ url }}'
# Windows PowerShell on an old Windows does not offer TLS 1.2 by itself.
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

function Send-Ping([string]$End) {
    foreach ($turn in 1..5) {
        try {
            Invoke-RestMethod -Method Post -Uri "$url$End" -TimeoutSec 10 | Out-Null
            return
        } catch { Start-Sleep -Seconds (2 * $turn) }
    }
    Write-Warning 'The ping did not arrive.'
}

Send-Ping '/start'
& 'C:\path\to\job.exe'
# An exit status of 1 to 255 can be told; others are a failure as well.
$status = $LASTEXITCODE
Send-Ping $(if ($status -ge 0 -and $status -le 255) { "/$status" } else { '/fail' })
exit $status
