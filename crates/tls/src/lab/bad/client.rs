use std::time::Duration;

use kernel::Secret;
use rcgen::{ExtendedKeyUsagePurpose, RsaKeySize};

use super::BadClient;
use super::hierarchy::Line;
use crate::lab::authority::{certificate_pem, date, new_key};
use crate::lab::{Issued, Lab, leaf};
use crate::{Error, facts};

const DAY: Duration = Duration::from_secs(86_400);
/// The structure of [`BadClient::OtherProduct`], unless it is asked for by its own name.
const OTHER: [&str; 2] = ["AUTRE-PRODUIT-LAB", "AUTRE-PRODUIT-LAB-2"];

impl Lab {
    /// A new key and a client certificate that must not let `identity` in. The arguments are those of
    /// [`Lab::issue_auth_cli`]; [`BadClient::OtherProduct`] is a sound certificate of *another* identity than the one
    /// given. Blocks for some tenths of a second.
    ///
    /// # Errors
    /// Those of [`Lab::issue_auth_cli`], and for [`BadClient::Revoked`] those of [`Lab::revoke`].
    pub fn issue_bad_client(
        &self,
        kind: BadClient,
        identity: &str,
        organisation: &str,
    ) -> Result<Issued, Error> {
        match kind {
            BadClient::OtherProduct => {
                let other = if identity.trim() == OTHER[0] { OTHER[1] } else { OTHER[0] };
                self.issue_auth_cli(other, organisation)
            }
            BadClient::Revoked => {
                let issued = self.issue_auth_cli(identity, organisation)?;
                self.revoke(&issued.facts.serial)?;
                Ok(issued)
            }
            BadClient::Foreign | BadClient::Expired | BadClient::ServerAuthOnly => {
                self.misissue(kind, identity, organisation)
            }
        }
    }

    fn misissue(&self, kind: BadClient, identity: &str, organisation: &str) -> Result<Issued, Error> {
        let now = self.clock.now();
        let stranger = match kind {
            BadClient::Foreign => Some(self.hierarchy(Line::Unknown, &mut self.workshop.bench())?),
            _ => None,
        };
        let (authority, crl_url) = match &stranger {
            Some(stranger) => (&stranger.issuing, &stranger.crl_url),
            None => (&self.organisations, &self.organisations_crl_url),
        };
        let mut params = leaf::auth_cli_params(authority, identity, organisation, crl_url, now)?;
        match kind {
            BadClient::Expired => {
                params.not_before = date(now - 400 * DAY)?.to_datetime();
                params.not_after = date(now - 3 * DAY)?.to_datetime();
            }
            BadClient::ServerAuthOnly => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }
            _ => {}
        }
        let key = new_key(RsaKeySize::_2048)?;
        let leaf = params.signed_by(&key, &authority.issuer())?.der().clone();
        Ok(Issued {
            chain_pem: format!("{}{}", certificate_pem(&leaf), authority.pem),
            key_pem: Secret::new(key.serialize_pem()),
            facts: facts::certificate_facts(&leaf)?,
        })
    }
}
