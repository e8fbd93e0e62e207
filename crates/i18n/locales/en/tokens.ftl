# vaguemestre token-scan
token-scan-issued = token issued by this bench
token-scan-token = Pro Santé Connect token
token-scan-fragment = part of a Pro Santé Connect token
token-scan-refresh = value named refresh_token
token-scan-unreadable = { $file }: cannot be read ({ $why })
token-scan-truncated = There are more: only the first ones are shown.
token-scan-summary = Found: { $found } - files read: { $files } ({ $megabytes } MB) - digests known: { $issued }
token-scan-next = A token must never be kept (SC.MSS/CONF.28): erase these files, and mend what writes them.
