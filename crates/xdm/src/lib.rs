//! IHE_XDM.zip archives (IHE ITI-32 as MSSanté uses it), read and written.
