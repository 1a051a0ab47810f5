//! The tables as data.

use std::fs;
use std::path::{Path, PathBuf};

/// One line of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The file and the number of the line, for people.
    pub(crate) place: String,
    /// Twisted's module: the heading above the table.
    pub(crate) module: String,
    /// Twisted's names.
    pub(crate) names: Vec<String>,
    /// Ours, without the `torsade` in front.
    pub(crate) paths: Vec<String>,
    pub(crate) note: String,
    /// Those that the note names, the same way.
    pub(crate) paths_in_note: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read_tables() -> Vec<Row> {
    let folder = root().join("docs/porting");
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| read_file(file)).collect()
}

/// A row is a line of three cells below a heading that is a module; the first cell is names.
fn read_file(file: &Path) -> Vec<Row> {
    let text = fs::read_to_string(file).unwrap();
    let file = file.file_name().unwrap().to_string_lossy();
    let (mut module, mut rows) = (None, Vec::new());
    for (index, line) in text.lines().enumerate() {
        if let Some(heading) = line.strip_prefix('#') {
            let heading = heading.trim_start_matches('#').trim();
            let is_module = ["twisted", "treq"].contains(&heading.split('.').next().unwrap());
            module = is_module.then(|| heading.to_owned());
        }
        let (Some(module), Some(cells)) = (&module, line.strip_prefix("| `")) else {
            continue;
        };
        let cells = format!("`{cells}").replace("\\|", "\u{1}");
        let cells: Vec<_> = cells.split('|').map(str::trim).collect();
        let place = format!("{file}:{}", index + 1);
        assert_eq!(cells.len(), 4, "{place} has not three cells");
        let ours = in_backticks(cells[1]);
        assert!(
            !ours.is_empty() || cells[1] == "—",
            "{place} names nothing of ours, and does not say so"
        );
        let without_crate = |path: String| match path.strip_prefix("torsade::") {
            Some(path) => path.to_owned(),
            None => panic!("{place}: {path} does not begin with torsade::"),
        };
        rows.push(Row {
            module: module.clone(),
            names: in_backticks(cells[0]),
            paths: ours.into_iter().map(without_crate).collect(),
            note: cells[2].to_owned(),
            paths_in_note: in_backticks(cells[2])
                .iter()
                .filter_map(|path| path.strip_prefix("torsade::"))
                .map(str::to_owned)
                .collect(),
            place,
        });
    }
    rows
}

fn in_backticks(cell: &str) -> Vec<String> {
    let pieces = cell.split('`').skip(1).step_by(2);
    pieces.map(str::to_owned).collect()
}

/// All public names of Twisted in the modules that the tables are about: see the file's heading.
pub(crate) fn read_names() -> Vec<String> {
    let text = fs::read_to_string(root().join("tests/porting/twisted-names.txt")).unwrap();
    let (mut module, mut names) = ("", Vec::new());
    for line in text.lines() {
        match line.strip_prefix("# ") {
            Some(heading) => module = heading,
            None => names.push(format!("{module}.{line}")),
        }
    }
    names
}
