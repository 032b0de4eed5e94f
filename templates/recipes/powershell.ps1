$url = '{{ url }}'

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
