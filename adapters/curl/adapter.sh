#!/usr/bin/env bash
# A Vaguemestre adapter in bash, around curl and jq: logs in, fetches, sends plain mails, answers.
#
# The bench runs it once per step: one JSON object on standard input, one JSON object as the last line of standard
# output (docs/adapters.md). Documents are `unsupported`: an IHE_XDM archive is not written in a shell. See README.md.
#
# Every secret goes to curl through its standard input (`--config -`): none in an argument, in the environment or in a
# file. `-q` comes first everywhere: a ~/.curlrc must change nothing.
set -uo pipefail
umask 077
export LC_ALL=C.UTF-8
exec 3>&1 # the outcome goes here, wherever standard output leads when it is known

request=$(cat)
used=null

# ask FILTER: one value of the request; nothing where it is absent or null.
ask() { printf '%s' "$request" | jq -r "$1 // empty"; }

# answer OUTCOME DETAIL: the last line, and the end.
answer() {
  jq -nc --arg outcome "$1" --arg detail "$2" --argjson used "$used" '{$outcome, $detail, token_used_sha256: $used}' >&3
  [ "$1" = unsupported ] && exit 3
  exit 0
}

[ "$(ask .protocol 2>/dev/null)" = 1 ] || answer error 'this adapter speaks protocol 1'
step=$(ask .step) work=$(ask .work_dir) sender=$(ask .mailbox.address) mechanism=$(ask .auth.mechanism)
user=$(ask .auth.user) token=$(ask .auth.access_token)
seconds=$(($(ask .deadline_ms) / 1000 - 1))
scratch=$(mktemp -d "$work/curl.XXXXXX") || answer error 'the work folder cannot be written to'
trap 'rm -rf "$scratch"' EXIT

# ---------------------------------------------------------------------------------------------------------------------
# Trust: the given anchors and no others, TLS 1.2 or later, revocation of the whole chain (SC.MSS/CONF.01, 22, 27)
# ---------------------------------------------------------------------------------------------------------------------

# Fetches every revocation list; a kept one is used where the server cannot be reached.
revocation_lists() {
  mkdir -p "$work/crl"
  local url file
  for url in $(ask '.crl_urls[]?'); do
    file=$work/crl/$(printf '%s' "$url" | sha256sum | cut -c1-32).der
    if curl -q -fsS --noproxy '*' --max-time 5 -o "$file.new" "$url"; then mv "$file.new" "$file"; fi
    [ -s "$file" ] || answer refused "no revocation list from $url, and none kept"
    echo '-----BEGIN X509 CRL-----' && base64 "$file" && echo '-----END X509 CRL-----'
  done >"$scratch/crl.pem"
  # Without any list no server is trusted, which is what the rule asks for.
  [ -s "$scratch/crl.pem" ] || answer refused 'no revocation list is known: no server is trusted'
}

# option NAME VALUE: one line of curl's configuration.
option() {
  local value=${2//\\/\\\\}
  printf '%s = "%s"\n' "$1" "${value//\"/\\\"}"
}

# The options of every TLS connection.
trusted() {
  printf 'silent\nshow-error\ntlsv1.2\nssl-reqd\n'
  option noproxy '*'
  option cacert "$(ask .ca_file)"
  option crlfile "$scratch/crl.pem"
  option max-time "$seconds"
}

# The options that log in.
login() {
  trusted
  option user "${user:-$sender}:"
  if [ "$mechanism" = external ]; then
    option login-options AUTH=EXTERNAL
    option cert "$(ask .auth.cert_file)"
    option key "$(ask .auth.key_file)"
  else
    option login-options AUTH=XOAUTH2
    option oauth2-bearer "$token"
  fi
}

# ---------------------------------------------------------------------------------------------------------------------
# Sessions
# ---------------------------------------------------------------------------------------------------------------------

# place PROTOCOL: the URL of a server of the request.
place() {
  local scheme=$1
  [ "$(ask ".$1.security")" = tls ] && scheme=$1s
  printf '%s://%s:%s' "$scheme" "$(ask ".$1.host")" "$(ask ".$1.port")"
}

# session OPTIONS...: one curl, logged in; its output is kept in $scratch/out. After a refused token one renewal and one
# more try, but not where the bench expects a refusal (SC.MSS/CONF.11).
session() {
  local code
  attempt "$@" && return 0
  code=$?
  if [ $code = 67 ] && [ "$mechanism" = xoauth2 ] && [ "$(ask .expect_refusal)" != true ] && [ -n "$(ask .auth.refresh.refresh_token)" ] && [ -z "${renewed:-}" ]; then
    renewed=yes
    renew
    attempt "$@" && return 0
    code=$?
  fi
  case $code in
    67) answer refused "the server refused the login: $(why)" ;;
    35 | 51 | 53 | 54 | 58 | 59 | 60 | 64 | 66 | 77 | 82 | 83 | 90 | 91) answer refused "no trusted TLS connection: $(why)" ;;
    55) answer refused "the server refused the message: $(why)" ;;
    *) answer error "curl ended with $code: $(why)" ;;
  esac
}

attempt() {
  if [ "$mechanism" = xoauth2 ]; then used="\"$(printf '%s' "$token" | sha256sum | cut -d' ' -f1)\""; fi
  { login; printf '%s\n' "$@"; } | curl -q --config - >"$scratch/out" 2>"$scratch/err"
}

why() { head -c 300 "$scratch/err" | tr '\n' ' '; }

# Asks Pro Santé Connect for another access token (RFC 6749, section 6). What it answers is not shown: it holds tokens.
renew() {
  local field
  token=$(
    {
      trusted
      option url "$(ask .auth.refresh.token_endpoint)"
      printf 'fail\n'
      option data grant_type=refresh_token
      for field in refresh_token client_id client_secret; do
        option data-urlencode "$field=$(ask ".auth.refresh.$field")"
      done
    } | curl -q --config - 2>"$scratch/err" | jq -r '.access_token // empty'
  )
  [ -n "$token" ] || answer refused "Pro Santé Connect did not renew the token: $(why)"
}

imap() { session "$(option url "$(place imap)$1")" ${2:+"$(option request "$2")"}; }

# ---------------------------------------------------------------------------------------------------------------------
# Messages
# ---------------------------------------------------------------------------------------------------------------------

# encoded TEXT: as a header has it (RFC 2047), eleven characters to a word so that none is over 75 octets.
encoded() {
  local text=$1 out='' at
  if [[ $text =~ ^[\ -~]*$ ]]; then printf '%s' "$text"; return; fi
  for ((at = 0; at < ${#text}; at += 11)); do
    out+="${out:+$'\r\n '}=?utf-8?B?$(printf '%s' "${text:at:11}" | base64 -w0)?="
  done
  printf '%s' "$out"
}

# compose RECIPIENTS SUBJECT HEADERS...: a plain mail in $scratch/mail.eml; X-MSS-NIL on every one (SC.MSS/CONF.16).
compose() {
  local to=$1 subject=$2
  shift 2
  {
    printf 'From: %s\r\nTo: %s\r\n' "$sender" "$to"
    printf 'Subject: %s\r\n' "$(encoded "$subject")"
    printf 'Date: %s\r\n' "$(LC_ALL=C date '+%a, %d %b %Y %H:%M:%S %z')"
    printf 'Message-ID: <%s@%s>\r\n' "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" "${sender#*@}"
    printf 'X-MSS-NIL: %s\r\n' "$(ask .nil)"
    # FIN only towards a patient, and only where the professional asked for it (SC.MSS/CONF.21).
    if [ "$(ask .message.facts.close)" = true ] && { [ "$(ask .message.facts.to_patient)" = true ] || [[ ${to,,} == *@patient.mssante.fr* ]]; }; then
      printf 'X-MSS-MES: FIN\r\n'
    fi
    [ $# = 0 ] || printf '%s\r\n' "$@"
    printf 'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    ask .message.text | base64 | sed 's/$/\r/'
  } >"$scratch/mail.eml"
}

# post FILE RECIPIENTS...: hands a mail over.
post() {
  local file=$1 options=() one
  shift
  for one in "$@"; do options+=("$(option mail-rcpt "$one")"); done
  # The path of the URL is the name that EHLO gives: not the workstation's.
  session "$(option url "$(place smtp)/%5B127.0.0.1%5D")" "$(option mail-from "$sender")" "$(option upload-file "$file")" "${options[@]}"
}

# header NAME: the unfolded value of a field in $scratch/parent.
header() {
  tr -d '\r' <"$scratch/parent" | awk -v name="${1,,}:" '
    /^[ \t]/ { if (held) value = value " " $0; next }
    { held = 0 }
    !found && index(tolower($0), name) == 1 { held = found = 1; value = substr($0, length(name) + 1) }
    END { gsub(/[ \t]+/, " ", value); sub(/^ /, "", value); print value }'
}

# ---------------------------------------------------------------------------------------------------------------------
# Steps
# ---------------------------------------------------------------------------------------------------------------------

step_login() {
  local done=''
  if [ -n "$(ask .imap.host)" ]; then
    imap / NOOP
    done=IMAP
  fi
  if [ -n "$(ask .smtp.host)" ]; then
    session "$(option url "$(place smtp)/%5B127.0.0.1%5D")" "$(option request NOOP)"
    done+="${done:+, }SMTP"
  fi
  [ -n "$done" ] || answer error 'the request gives neither an IMAP nor an SMTP server'
  answer 'done' "logged in and out: $done"
}

step_fetch() {
  local newest
  imap /INBOX 'UID SEARCH ALL'
  newest=$(tr -d '\r' <"$scratch/out" | awk '/^\* SEARCH/ { print $NF + 0 }')
  [ "${newest:-0}" -gt 0 ] || answer 'done' 'the inbox is empty'
  imap "/INBOX;UID=$newest"
  cp "$scratch/out" "$work/$newest.eml"
  answer 'done' "UID $newest read ($(wc -c <"$scratch/out") octets)"
}

step_send() {
  local file recipients
  mapfile -t recipients < <(ask '.message.to[]')
  file=$(ask .message.eml_file)
  if [ -z "$file" ]; then
    [ -z "$(ask '.message.documents[]?')" ] || answer unsupported 'an IHE_XDM archive is not written in a shell'
    compose "$(ask '.message.to | join(", ")')" "$(ask '.message.subject // "Message de test"')"
    file=$scratch/mail.eml
  fi
  post "$file" "${recipients[@]}"
  answer 'done' 'the mail was accepted'
}

# Finds the message by its identifier, waits for it a little, and answers it (MSS/va1.08).
step_reply() {
  local original uid='' known subject recipients attempt
  original=$(ask .message.facts.in_reply_to)
  for attempt in 1 2 3 4 5; do
    imap /INBOX "UID SEARCH HEADER Message-ID \"$original\""
    uid=$(tr -d '\r' <"$scratch/out" | awk '/^\* SEARCH [0-9]/ { print $NF }')
    [ -n "$uid" ] && break
    sleep 0.5
  done
  [ -n "$uid" ] || answer error "the message to answer is not in the inbox (looked $attempt times)"
  imap "/INBOX;UID=$uid;SECTION=HEADER"
  cp "$scratch/out" "$scratch/parent"
  known=$(header References)
  known=${known:-$(header In-Reply-To)}
  subject=$(header Subject)
  [[ ${subject,,} == re:* ]] || subject="Re: $subject"
  mapfile -t recipients < <(ask '.message.to[]?')
  [ ${#recipients[@]} -gt 0 ] || recipients=("$(header From | sed 's/.*<\(.*\)>.*/\1/')")
  compose "$(IFS=, && echo "${recipients[*]}")" "$subject" "In-Reply-To: $original" "References: ${known:+${known// /$'\r\n '}$'\r\n '}$original"
  post "$scratch/mail.eml" "${recipients[@]}"
  answer 'done' 'the answer was accepted'
}

case $step in
  login | logout | fetch | send | reply) ;;
  *) answer unsupported "the step $step is not done by this adapter" ;;
esac
revocation_lists
case $step in
  login | logout) step_login ;;
  *) "step_$step" ;;
esac
