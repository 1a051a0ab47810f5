//! What is public in our packages, by its names. It is in the tables of `docs/porting` for people who
//! come from Twisted: nothing is forgotten, nothing is there twice, and each name of ours is there and
//! is found by Twisted's name. And each item has an example.

mod items;
mod source;
mod tables;

use std::collections::BTreeMap;

use source::{Found, Source};
use tables::{Row, read_names, read_tables};

fn rows_by_name() -> BTreeMap<String, Vec<Row>> {
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in read_tables() {
        for name in &row.names {
            let name = format!("{}.{name}", row.module);
            rows.entry(name).or_default().push(row.clone());
        }
    }
    rows
}

#[test]
fn each_public_name_of_twisted_is_in_a_table() {
    let rows = rows_by_name();
    let names = read_names();
    assert!(names.len() > 1000, "the list of names is cut off");
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !rows.contains_key(*name))
        .collect();
    assert!(missing.is_empty(), "in no table: {missing:#?}");
}

#[test]
fn no_name_is_in_the_tables_twice() {
    let mut rows = rows_by_name();
    rows.retain(|_, rows| rows.len() > 1);
    assert!(rows.is_empty(), "twice: {rows:#?}");
}

#[test]
fn each_name_of_ours_in_the_tables_is_there() {
    let source = Source::read();
    let mut missing = Vec::new();
    for row in read_tables() {
        for path in row.paths.iter().chain(&row.paths_in_note) {
            if matches!(source.find(path), Found::Nothing) {
                missing.push(format!("{}: {path}", row.place));
            }
        }
    }
    assert!(missing.is_empty(), "not there: {missing:#?}");
}

#[test]
fn each_name_of_twisted_that_has_one_of_ours_is_an_alias_of_it() {
    let source = Source::read();
    let mut missing = Vec::new();
    for row in read_tables() {
        let found: Vec<_> = row.paths.iter().map(|path| source.find(path)).collect();
        for name in &row.names {
            let is_found = found.is_empty()
                || found
                    .iter()
                    .any(|found| found.answers_to(&row.module, name));
            if !is_found {
                missing.push(format!("{}: {name} -> {:?}", row.place, row.paths));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "these lack a #[doc(alias)]: {missing:#?}"
    );
}

#[test]
fn rows_without_a_name_of_ours_say_why() {
    let silent: Vec<_> = read_tables()
        .into_iter()
        .filter(|row| row.paths.is_empty() && row.note.is_empty())
        .collect();
    assert!(silent.is_empty(), "they do not say why: {silent:#?}");
}

/// The packages whose items all have an example.
const SHOWN_BY_EXAMPLES: [&str; 3] = ["torsade_core", "torsade_tls", "torsade_http"];

#[test]
fn each_public_item_has_an_example() {
    let source = Source::read();
    for package in SHOWN_BY_EXAMPLES {
        let items = source.public_items(package);
        assert!(
            items.len() > 30,
            "the items of {package} are no longer found"
        );
        let without: Vec<_> = items
            .into_iter()
            .filter_map(|(name, has_example)| (!has_example).then_some(name))
            .collect();
        assert!(without.is_empty(), "without an example: {without:#?}");
    }
}
