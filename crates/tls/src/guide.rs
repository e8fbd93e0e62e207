//! How a person adds the lab's anchor to a TEST build, and presents the test certificate.
//!
//! The lab's root is deliberately in no trust store. A product that trusts it in production would accept anything
//! that this laptop signs; so every recipe here is for one process, one key store file, or one user's session, and
//! says how to undo what lasts.

use std::path::Path;

/// The language of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// French: the default of the screens.
    French,
    /// English.
    English,
}

/// The files that the commands name, as `vaguemestre cert` wrote them.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// Root and intermediate of the lab, PEM ([`crate::Lab::ca_pem`]).
    pub ca: &'a Path,
    /// Client certificate and intermediate, PEM ([`crate::Issued::chain_pem`]).
    pub chain: &'a Path,
    /// Key of the client certificate, PKCS#8 PEM ([`crate::Issued::key_pem`]).
    pub key: &'a Path,
}

/// The whole guide as plain text: OpenSSL and curl, Java, Windows, .NET, Node.js, Python, and a PKCS#12 file for
/// software that wants one. Paths are quoted for the shell that each command is meant for.
pub fn text(language: Language, files: Files<'_>) -> String {
    let sections = match language {
        Language::French => FRENCH,
        Language::English => ENGLISH,
    };
    let mut out = String::new();
    for (title, commands) in sections.iter().zip(COMMANDS) {
        out.push_str(title);
        out.push('\n');
        out.push_str(&fill(commands, files));
    }
    out
}

fn fill(template: &str, files: Files<'_>) -> String {
    let mut out = String::with_capacity(template.len() + 512);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('«') {
        out.push_str(before);
        let Some((place, after)) = after.split_once('»') else {
            rest = after;
            break;
        };
        out.push_str(&match place {
            "ca" => shell(files.ca),
            "chain" => shell(files.chain),
            "key" => shell(files.key),
            "ca:windows" => format!("\"{}\"", files.ca.display()),
            _ => code(files.ca), // ca:code
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Quotes a path for a POSIX shell.
fn shell(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Quotes a path for C# and Python.
fn code(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', r"\\").replace('"', "\\\""))
}

/// The commands of each section, the same in every language.
const COMMANDS: [&str; 7] = [
    "  openssl s_client -connect localhost:1143 -starttls imap -CAfile «ca» -verify_return_error
  openssl s_client -connect localhost:1993 -CAfile «ca» -cert «chain» -key «key» -verify_return_error
  curl --cacert «ca» https://localhost:8802/auth/realms/esante-wallet/.well-known/openid-configuration

",
    "  keytool -importcert -noprompt -alias vaguemestre-lab -file «ca» \\
    -keystore vaguemestre-lab-trust.p12 -storetype PKCS12 -storepass changeit
  java -Djavax.net.ssl.trustStore=vaguemestre-lab-trust.p12 -Djavax.net.ssl.trustStorePassword=changeit …

",
    "  certutil -user -addstore Root «ca:windows»
  certutil -user -delstore Root \"TEST AC RACINE IGC-SANTE ELEMENTAIRE LAB\"

",
    "  var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust };
  policy.CustomTrustStore.ImportFromPemFile(«ca:code»);
  sslOptions.CertificateChainPolicy = policy;   // SslClientAuthenticationOptions

",
    "  NODE_EXTRA_CA_CERTS=«ca» node app.js

",
    "  context = ssl.create_default_context(cafile=«ca:code»)

",
    "  openssl pkcs12 -export -in «chain» -inkey «key» -certfile «ca» -name auth-cli-test -out auth-cli-test.p12
",
];

const FRENCH: [&str; 7] = [
    "Faire confiance à l'autorité de laboratoire : dans une version de TEST de votre logiciel seulement.
Cette racine n'est pas celle de l'IGC-Santé. Ne la livrez jamais, ne l'ajoutez jamais à un poste de production.

OpenSSL et curl (ports par défaut)",
    "Java : un magasin à part, donné au seul processus de test (jamais le fichier cacerts de la JVM)",
    "Windows : le magasin de l'utilisateur courant ; la seconde ligne retire la racine, à faire après les essais",
    ".NET 7 et suivants : une politique de chaîne propre à la connexion, sans toucher au magasin de la machine",
    "Node.js : la racine s'ajoute à celles de Node pour ce processus ; l'option « ca » de tls.connect les remplace",
    "Python : le contexte ne connaît alors que cette autorité",
    "PKCS#12 : pour un logiciel qui veut le certificat AUTH_CLI et sa clé en un fichier (un mot de passe est demandé)",
];

const ENGLISH: [&str; 7] = [
    "Trusting the lab's authority: in a TEST build of your software only.
This root is not that of IGC-Santé. Never ship it, never add it to a production machine.

OpenSSL and curl (default ports)",
    "Java: a store of its own, given to the test process alone (never the JVM's cacerts file)",
    "Windows: the current user's store; the second line takes the root away again, to be run after the tests",
    ".NET 7 and later: a chain policy of this connection alone, which leaves the machine's store as it is",
    "Node.js: the root is added to Node's own for this process; the option “ca” of tls.connect replaces them",
    "Python: the context then knows this authority alone",
    "PKCS#12: for software that wants the AUTH_CLI certificate and its key in one file (a password is asked for)",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_carry_the_same_commands_with_the_paths_quoted() {
        let files = Files {
            ca: Path::new("/tmp/l'été/ca «key».pem"),
            chain: Path::new("/tmp/cert.pem"),
            key: Path::new("/tmp/key.pem"),
        };
        let commands = |language| -> Vec<String> {
            text(language, files).lines().filter(|line| line.starts_with("  ")).map(str::to_owned).collect()
        };
        assert_eq!(commands(Language::French), commands(Language::English));
        for language in [Language::French, Language::English] {
            let text = text(language, files);
            assert!(text.contains(r"-CAfile '/tmp/l'\''été/ca «key».pem' -cert '/tmp/cert.pem'"), "{text}");
            for word in [
                "openssl",
                "curl",
                "keytool",
                "certutil",
                "CustomRootTrust",
                "NODE_EXTRA_CA_CERTS",
                "ssl.create",
            ] {
                assert!(text.contains(word), "{word} is missing");
            }
            assert!(text.contains(r#"cafile="/tmp/l'été/ca «key».pem""#), "{text}");
            assert!(!text.contains("«ca"), "{text}");
        }
    }
}
