//! How long the programs of the gallery are, beside those that they are written after.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::stage::twisted_source;
use super::{PROGRAMS, Program};
use crate::support::peer::run;
use crate::support::python::{python_with, script};

/// So much longer than the original a program may be, and all of them together.
const MOST_OF_EACH: f64 = 1.5;
const MOST_OF_ALL: f64 = 1.1;

/// The version of Twisted whose lines the guide tells.
const COUNTED: &str = "26.10.0";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines of ours that are neither blank nor comments.
fn lines_of_ours(name: &str) -> usize {
    let file = repository().join(format!("examples/gallery/{name}.rs"));
    let program = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    let lines = program.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

/// A line of the table in the guide.
fn row(program: &Program, (ours, theirs): (usize, usize)) -> String {
    let ratio = ours as f64 / theirs as f64;
    let name = program.ours;
    let original = program.theirs[0]
        .rsplit_once('/')
        .expect("it is in a folder")
        .1;
    format!(
        "| [{name}](../examples/gallery/{name}.rs) | {original} | {ours} | {theirs} | {ratio:.2} |"
    )
}

/// The line behind the last.
fn sum((ours, theirs): (usize, usize)) -> String {
    let ratio = ours as f64 / theirs as f64;
    format!("| all of them | | {ours} | {theirs} | {ratio:.2} |")
}

#[test]
fn every_program_of_the_gallery_is_listed() {
    let folder = fs::read_dir(repository().join("examples/gallery")).unwrap();
    let mut files: Vec<_> = folder
        .map(|file| file.unwrap().path().file_stem().unwrap().to_owned())
        .collect();
    let mut listed: Vec<_> = PROGRAMS.iter().map(|program| program.ours).collect();
    files.sort();
    listed.sort_unstable();
    assert_eq!(files, listed);
}

#[test]
fn each_program_is_about_as_long_as_the_original_and_the_guide_says_so() {
    let Some((python, source)) = python_with("ast").zip(twisted_source()) else {
        return;
    };
    let (mut table, mut all, mut longer) = (String::new(), (0, 0), Vec::new());
    for program in &PROGRAMS {
        let mut count = Command::new(&python);
        let originals = program.theirs.iter().map(|file| source.join(file));
        let counted = run(count.arg(script("count_lines.py")).args(originals), b"");
        let theirs: usize = counted.expect_success().text().trim().parse().unwrap();
        let ours = lines_of_ours(program.ours);
        all = (all.0 + ours, all.1 + theirs);
        writeln!(table, "{}", row(program, (ours, theirs))).unwrap();
        if ours as f64 > MOST_OF_EACH * theirs as f64 {
            longer.push(program.ours);
        }
    }
    writeln!(table, "{}", sum(all)).unwrap();
    println!("{table}");
    assert!(longer.is_empty(), "these are too long: {longer:?}\n{table}");
    assert!(all.0 as f64 <= MOST_OF_ALL * all.1 as f64, "{table}");
    // Another version's may be longer or shorter.
    let about = fs::read_to_string(source.join("PKG-INFO")).unwrap();
    if about.contains(&format!("\nVersion: {COUNTED}\n")) {
        let guide = fs::read_to_string(repository().join("docs/gallery.md")).unwrap();
        assert!(
            guide.contains(&table),
            "docs/gallery.md is to have:\n{table}"
        );
    }
}

#[test]
fn the_guide_has_todays_lengths_of_ours() {
    // As above, where there is no original to compare with.
    let guide = fs::read_to_string(repository().join("docs/gallery.md")).unwrap();
    for program in &PROGRAMS {
        let name = program.ours;
        let link = format!("| [{name}](../examples/gallery/{name}.rs) |");
        let row = guide.lines().find(|line| line.starts_with(&link));
        let row = row.unwrap_or_else(|| panic!("{name} is not in the table"));
        let ours = row.split('|').nth(3).map(str::trim);
        assert_eq!(
            ours,
            Some(lines_of_ours(name).to_string().as_str()),
            "{name}"
        );
    }
}
