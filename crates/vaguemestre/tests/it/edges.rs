//! The house's law: the edges between our crates are those that ARCHITECTURE.md allows, no more and no fewer.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn the_edges_between_crates_are_those_of_architecture_md() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(&root)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let targets = edges.entry(package["name"].as_str().unwrap()).or_default();
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = dependency["name"].as_str().unwrap();
            if dependency["kind"].is_null() && names.contains(&name) {
                targets.push(name);
            }
        }
        targets.sort_unstable();
    }
    let mut actual = String::new();
    for (from, to) in &edges {
        let _ = writeln!(actual, "{}", format!("{from} -> {}", to.join(" ")).trim_end());
    }
    let document = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let allowed =
        document.split("```edges\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    assert_eq!(
        allowed, actual,
        "ARCHITECTURE.md and the manifests differ; the block for today's manifests is:\n{actual}"
    );
}

#[test]
fn the_connector_knows_no_server_and_the_bench_no_connector() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = |name: &str| std::fs::read_to_string(root.join(name).join("Cargo.toml")).unwrap();
    for forbidden in ["bench", "operator", "psc", "imapd", "smtpd"] {
        assert!(!manifest("lps").contains(&format!("\n{forbidden}.workspace")), "lps depends on {forbidden}");
    }
    assert!(!manifest("bench").contains("\nlps.workspace"), "bench depends on lps");
}
