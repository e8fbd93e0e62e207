//! Writes one document of each kind into a directory, about an invented patient, every PDF in them a PDF/A-1b:
//! `write_samples DIRECTORY`.

use std::error::Error;
use std::path::PathBuf;

use cda::Sample;
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use kernel::Clock;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args().nth(1).ok_or("usage: write_samples DIRECTORY")?);
    let born = BirthDate::parse("19620714").ok_or("a date of birth")?;
    let traits = Traits::strict("D'ESSAI", "Éloïse Anne-Marie", born, Sex::Female, "75115");
    let patient = Identity::new(Matricule::from_body("2620775115042")?, Nature::Test, traits);
    let now = Clock::system().now();
    std::fs::create_dir_all(&directory)?;
    for (sample, number) in Sample::ALL.into_iter().zip(1..) {
        let draft = pdfa::sample(sample, &cda::oid_of(number), patient.clone(), now)?;
        std::fs::write(directory.join(format!("{sample:?}.xml")), cda::write(&draft))?;
    }
    Ok(())
}
