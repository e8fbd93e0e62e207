//! SASL for MSSanté, without I/O: XOAUTH2 for PER and ORG mailboxes (SC.MSS/CONF.07), EXTERNAL over mutual TLS
//! for APP mailboxes (SC.MSS/CONF.12), and OAUTHBEARER (RFC 7628) where an offer has it.
//!
//! A server reads the client's response with [`Credentials::decode`], asks an [`Authenticator`], and answers with
//! [`Challenge`]. A client writes with [`xoauth2_response`] and [`external_response`].

mod authenticator;
mod mechanism;
mod profile;

pub use authenticator::{Attempt, Authenticator, Granted, Refusal, RefusalCode};
pub use mechanism::{
    Challenge, Credentials, DecodeError, Mechanism, decode_challenge, external_response,
    oauthbearer_response, xoauth2_response,
};
pub use profile::{Offer, Profile, Rights};
