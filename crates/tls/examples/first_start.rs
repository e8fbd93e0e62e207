//! Measures what a first start costs: `cargo run -p tls --example first_start [times]`.
#![allow(clippy::print_stdout)] // an example talks to the person who started it

use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let times: usize = std::env::args().nth(1).map_or(Ok(5), |text| text.parse())?;
    let clock = kernel::Clock::system();
    let names = tls::LabNames {
        domains: vec![String::from("mail-tests-editeur.lab.example")],
        crl_base: String::from("http://127.0.0.1:8804"),
    };
    for _ in 0..times {
        let dir = std::env::temp_dir().join(format!("tls-first-start-{}", kernel::random::mark()));
        let start = Instant::now();
        let lab = tls::Lab::open(&dir, &names, &clock)?;
        let first = start.elapsed();
        let start = Instant::now();
        tls::Lab::open(&dir, &names, &clock)?;
        let second = start.elapsed();
        let start = Instant::now();
        let issued = lab.issue_auth_cli("163254178", "Cabinet de démonstration")?;
        let issue = start.elapsed();
        let start = Instant::now();
        lab.renew_auth_cli("163254178", "Cabinet de démonstration", &issued.key_pem)?;
        let renew = start.elapsed();
        let start = Instant::now();
        lab.revoke(&issued.facts.serial)?;
        let revoke = start.elapsed();
        println!(
            "first open {first:?}, second {second:?}, issue {issue:?}, renew {renew:?}, revoke {revoke:?}"
        );
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(())
}
