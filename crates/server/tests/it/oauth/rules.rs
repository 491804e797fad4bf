//! The table of rules in `docs/oauth.md` names code and tests that exist.

use std::path::{Path, PathBuf};

/// What the letters in the table stand for.
const PLACES: [(&str, &str); 7] = [
    ("o/", "crates/oauth/src/"),
    ("s/", "crates/server/src/oauth/"),
    ("w/", "crates/server/src/web/"),
    ("st/", "crates/store/src/oauth/"),
    ("O/", "crates/oauth/tests/it/"),
    ("S/", "crates/server/tests/it/oauth/"),
    ("T/", "tests/it/oauth/"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn path_of(name: &str) -> PathBuf {
    let place = PLACES.iter().find_map(|(short, long)| Some((long, name.strip_prefix(short)?)));
    let path = place.map_or_else(|| name.to_owned(), |(long, rest)| format!("{long}{rest}"));
    root().join(path)
}

/// The source at a path: a file, or all that lie in a folder.
fn source(name: &str) -> String {
    let path = path_of(name);
    if path.is_dir() {
        let files = std::fs::read_dir(&path).unwrap();
        return files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    }
    let path = if path.extension().is_some() { path } else { path.with_extension("rs") };
    std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{name}: {err}"))
}

/// The rows of the table of rules: rule, code, tests.
fn rows() -> Vec<[String; 3]> {
    let text = std::fs::read_to_string(root().join("docs/oauth.md")).unwrap();
    let (_, table) = text.split_once("| rule | code | test |\n|---|---|---|\n").unwrap();
    let lines = table.lines().take_while(|line| line.starts_with('|'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [rule, code, tests] = cells.try_into().unwrap_or_else(|_| panic!("{line}"));
            [rule, code, tests].map(str::to_owned)
        })
        .collect()
}

#[test]
fn each_rule_names_its_code_and_tests_that_exist() {
    let rows = rows();
    assert!(rows.len() > 40, "the table of rules has {} rows", rows.len());
    for [rule, code, tests] in rows {
        for name in code.split('`').skip(1).step_by(2) {
            source(name);
        }
        let mut place = String::new();
        let mut count = 0;
        for word in tests.split([' ', ',']).filter(|word| !word.is_empty()) {
            if let Some(name) = word.strip_prefix('`').and_then(|word| word.strip_suffix('`')) {
                place = source(name);
                continue;
            }
            assert!(place.contains(&format!("fn {word}(")), "{rule}: no test {word}");
            count += 1;
        }
        assert!(count > 0, "{rule}: no test");
    }
}
