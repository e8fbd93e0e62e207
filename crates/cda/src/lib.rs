//! French CDA R2 documents (CI-SIS "Structuration minimale"), read and written.
