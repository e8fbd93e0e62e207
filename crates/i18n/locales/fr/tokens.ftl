# vaguemestre token-scan
token-scan-issued = jeton émis par ce banc
token-scan-token = jeton Pro Santé Connect
token-scan-fragment = partie d'un jeton Pro Santé Connect
token-scan-refresh = valeur nommée refresh_token
token-scan-unreadable = { $file } : illisible ({ $why })
token-scan-truncated = Il y en a d'autres : seuls les premiers sont montrés.
token-scan-summary = Trouvé : { $found } - fichiers lus : { $files } ({ $megabytes } Mo) - empreintes connues : { $issued }
token-scan-next = Un jeton ne doit jamais être conservé (SC.MSS/CONF.28) : effacez ces fichiers, et corrigez ce qui les écrit.
