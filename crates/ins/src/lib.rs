//! The INS identity: matricule, OID and traits; whether it is qualified.
