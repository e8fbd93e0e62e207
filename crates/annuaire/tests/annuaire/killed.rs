//! Imports that end badly in a process of their own: killed, or on a full disk. The last good base serves.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

/// Enough that every stage is told of, and that no index file is small.
const ROWS: u64 = 25_000;

/// Not a test of its own: the process that the tests below start.
#[test]
#[ignore = "started by the tests that kill it"]
fn import_in_a_process_of_its_own() {
    let variable = |name: &str| std::env::var(name).map(PathBuf::from);
    let (Ok(dir), Ok(file)) = (variable("ANNUAIRE_DIR"), variable("ANNUAIRE_FILE")) else { return };
    let directory = Directory::open(&dir, Clock::system()).expect("opened");
    let told = |stage: annuaire::Stage, count: u64| println!("{stage:?} {count}");
    match directory.import(&[file], &ImportOptions::default(), &told) {
        Ok(report) => println!("imported {}", report.mailboxes),
        Err(error) => println!("refused {error:?}"),
    }
}

fn child(launcher: &[&str], directory: &Directory, file: &Path) -> Child {
    let this = std::env::current_exe().expect("a path");
    let mut command = match launcher.split_first() {
        None => Command::new(this),
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(this);
            command
        }
    };
    command
        .args([
            "--exact",
            "killed::import_in_a_process_of_its_own",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("ANNUAIRE_DIR", directory.dir())
        .env("ANNUAIRE_FILE", file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("started")
}

fn left_behind(directory: &Directory) -> usize {
    let entries = fs::read_dir(directory.dir()).expect("listed").flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("building-")).count()
}

#[test]
fn after_a_kill_at_any_stage_the_last_good_base_serves() {
    let (dir, directory) = directory();
    let file = extraction(dir.path(), ROWS);
    let before = directory.state().expect("a base");
    for stage in ["Reading", "Indexing", "Publishing"] {
        let mut child = child(&[], &directory, &file);
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let reached = lines.map_while(Result::ok).any(|line| line.contains(stage));
        child.kill().expect("killed");
        let status = child.wait().expect("ended");
        assert!(reached, "{stage}");
        let again = Directory::open(directory.dir(), Clock::system()).expect("opened");
        if stage == "Publishing" {
            // The kill may come after the rename: then the new base is whole.
            let state = again.state().expect("a base");
            assert!(state == before || state.report.lines == ROWS + 9, "{state:?}");
        } else {
            assert!(!status.success(), "{stage}: it was killed");
            assert_eq!(again.state().as_ref(), Some(&before), "{stage}");
        }
        assert_eq!(first(&ask(&again, "dupont 97500")), "Dr Anne DUPONT", "{stage}");
    }
    // Nobody holds the lock, and the next import sweeps what was left.
    let again = Directory::open(directory.dir(), Clock::system()).expect("opened");
    let report = again.import(&[file], &ImportOptions::default(), &quiet).expect("imported");
    assert_eq!((report.lines, left_behind(&again)), (ROWS + 9, 0));
}

#[test]
fn on_a_full_disk_the_import_says_so_and_the_last_good_base_serves() {
    let (dir, directory) = directory();
    let file = extraction(dir.path(), ROWS);
    let before = directory.state();
    // A limit on the size of files, in units of 512 octets, stands for the full disk: the same calls are refused. The
    // first stops the lines that are put aside, the second the index.
    for blocks in ["8", "400"] {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let output = child(&["sh", "-c", &script], &directory, &file).wait_with_output().expect("ended");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("refused Io"), "{blocks}: {said}");
        assert_eq!(left_behind(&directory), 0, "{blocks}");
        let again = Directory::open(directory.dir(), Clock::system()).expect("opened");
        assert_eq!(again.state(), before, "{blocks}");
        assert_eq!(first(&ask(&again, "dupont 97500")), "Dr Anne DUPONT");
    }
}
