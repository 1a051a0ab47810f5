//! README, changelog and guides: links lead somewhere, and no program in them is left uncompiled.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A page: where it is, from the root, and its text.
struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    /// Its lines outside code, numbered from 1.
    fn prose(&self) -> Vec<(usize, &str)> {
        let mut is_code = false;
        let mut lines = Vec::new();
        for (index, line) in self.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code && !line.starts_with("    ") {
                lines.push((index + 1, line));
            }
        }
        lines
    }

    /// What its code blocks say that they are.
    fn languages(&self) -> Vec<&str> {
        let fences = self
            .text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("```"));
        fences.step_by(2).collect()
    }

    /// The anchors of its headings, as GitHub makes them.
    fn anchors(&self) -> HashSet<String> {
        let mut anchors = HashSet::new();
        for (_, line) in self.prose() {
            let heading = line.trim_start_matches('#');
            if heading.len() == line.len() || !heading.starts_with(' ') {
                continue;
            }
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
            let anchor: String = heading.trim().to_lowercase().chars().filter(kept).collect();
            let anchor = anchor.replace(' ', "-");
            let mut numbered = anchor.clone();
            for number in 1.. {
                if anchors.insert(numbered) {
                    break;
                }
                numbered = format!("{anchor}-{number}");
            }
        }
        anchors
    }

    /// Where its links lead, each with its line. What is in backticks is no link.
    fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (number, line) in self.prose() {
            let text: String = line.split('`').step_by(2).collect::<Vec<_>>().join("x");
            for piece in text.split("](").skip(1) {
                let target = piece.split(')').next().unwrap();
                links.push((number, target.to_owned()));
            }
        }
        links
    }
}

/// The files in these folders and what is below them, whose names end so.
fn files_below(folders: &[&str], extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                files.push(path);
            }
        }
    }
    files
}

fn pages() -> Vec<Page> {
    let mut paths = vec![PathBuf::from("README.md"), PathBuf::from("CHANGELOG.md")];
    paths.extend(files_below(&["docs"], "md"));
    paths.sort();
    let page = |path: PathBuf| Page {
        text: fs::read_to_string(root().join(&path)).unwrap(),
        path,
    };
    paths.into_iter().map(page).collect()
}

/// `folder/../file` as `file`.
fn tidied(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                tidied.pop();
            }
            Component::CurDir => {}
            other => tidied.push(other),
        }
    }
    tidied
}

#[test]
fn links_between_the_pages_lead_to_files_and_headings_that_are_there() {
    let pages = pages();
    let anchors: HashMap<&Path, HashSet<String>> = pages
        .iter()
        .map(|page| (page.path.as_path(), page.anchors()))
        .collect();
    let mut broken = Vec::new();
    let mut count = 0;
    for page in &pages {
        for (number, link) in page.links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.path.clone(),
                file => tidied(&page.path.parent().unwrap().join(file)),
            };
            let has_anchor = || match anchors.get(target.as_path()) {
                Some(anchors) => anchors.contains(anchor),
                None => false,
            };
            if !root().join(&target).exists() || (!anchor.is_empty() && !has_anchor()) {
                broken.push(format!("{}:{number}: {link}", page.path.display()));
            }
        }
    }
    assert!(count > 20, "links are no longer found");
    assert!(broken.is_empty(), "broken: {broken:#?}");
}

#[test]
fn each_page_with_a_program_is_compiled_as_a_doctest() {
    let guides = fs::read_to_string(root().join("src/guides.rs")).unwrap();
    for page in pages() {
        let is_rust = |language: &&str| language.starts_with("rust") || language.is_empty();
        if page.languages().iter().any(is_rust) {
            let file = format!("\"../{}\"", page.path.display());
            assert!(guides.contains(&file), "src/guides.rs lacks {file}");
        }
    }
}

#[test]
fn the_code_of_each_block_says_what_it_is() {
    const KNOWN: [&str; 10] = [
        "rust",
        "rust,no_run",
        "rust,should_panic",
        "rust,compile_fail",
        "rust,test_harness",
        "python",
        "sh",
        "text",
        "toml",
        "ini",
    ];
    for page in pages() {
        for language in page.languages() {
            let place = page.path.display();
            assert!(
                KNOWN.contains(&language),
                "{place} has a block of {language:?}"
            );
        }
    }
}

#[test]
fn each_guide_is_in_the_list_of_guides() {
    let list = fs::read_to_string(root().join("docs/README.md")).unwrap();
    for page in pages() {
        let Ok(file) = page.path.strip_prefix("docs") else {
            continue;
        };
        if file != Path::new("README.md") && !file.starts_with("porting") {
            let link = format!("]({})", file.display());
            assert!(
                list.contains(&link),
                "docs/README.md does not list {}",
                file.display()
            );
        }
    }
}

/// All of our source, with what is filled into texts as `…`, and each text in one line.
fn texts_of_the_source() -> String {
    let files = files_below(&["core/src", "tls/src", "http/src"], "rs");
    let source: String = files
        .iter()
        .map(|path| fs::read_to_string(root().join(path)).unwrap())
        .collect();
    filled_in(&source)
}

fn filled_in(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once(['{', '\\']) {
        let is_brace = rest.as_bytes()[before.len()] == b'{';
        text.push_str(before);
        let inside = after
            .split_once('}')
            .filter(|(inside, _)| !inside.contains(['{', '\n', ';']));
        rest = match inside {
            Some((_, after)) if is_brace => {
                text.push('…');
                after
            }
            // A line that goes on in the next one.
            _ if !is_brace && after.starts_with('\n') => after.trim_start(),
            _ => after,
        };
    }
    text + rest
}

#[test]
fn the_errors_in_the_guide_are_those_that_the_source_has() {
    let source = texts_of_the_source();
    let guide = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    // What the system and the compiler say is not ours.
    let own = guide.split("## The compiler").next().unwrap();
    let system = [
        "Connection refused",
        "Address already in use",
        "Permission denied",
        "already borrowed",
    ];
    let mut unknown = Vec::new();
    let mut count = 0;
    for row in own.lines().filter(|line| line.starts_with("| `")) {
        let cell = row.split(" | ").next().unwrap();
        for text in cell
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|text| !system.contains(text))
        {
            count += 1;
            // What stands at the beginning or the end may be filled in by somebody else.
            if !source.contains(text.trim_matches('…').trim()) {
                unknown.push(text);
            }
        }
    }
    assert!(count > 40, "the errors are no longer found");
    assert!(unknown.is_empty(), "not in the source: {unknown:#?}");
}

#[test]
fn each_log_line_has_a_target_that_the_guide_to_operating_lists() {
    let guide = fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let source = texts_of_the_source();
    let mut count = 0;
    for level in ["error", "warn", "info", "debug", "trace"] {
        for call in source.split(&format!("log::{level}!(")).skip(1) {
            count += 1;
            let target = call.trim_start().strip_prefix("target: \"");
            let start: String = call.chars().take(60).collect();
            let target = target.unwrap_or_else(|| panic!("no target: log::{level}!({start}"));
            let target = target.split('"').next().unwrap();
            assert!(
                guide.contains(&format!("| `{target}` |")),
                "not listed: {target}"
            );
        }
    }
    assert!(count > 30, "log lines are no longer found");
}
