//! Holds docs/LIMITS.md equal to the code: every limit is there, with the value that it has.
//!
//! The constants are read as text, since this program depends on none of our crates.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::tools::Workspace;

/// Folders of the product's code.
const CODE: [&str; 5] = ["provenance", "registry", "cli", "verifier-wasm", "web"];

/// What the name of a limit starts with. Others may be in the table too.
const PREFIXES: [&str; 2] = ["MAX_", "MOST_"];

/// A constant: the file below the clone that has it, and its name.
type Place = (String, String);

fn sources(root: &Path, folder: &Path, found: &mut BTreeMap<Place, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_rust = path.extension().is_some_and(|ending| ending == "rs");
        if path.is_dir() {
            sources(root, &path, found);
        } else if is_rust && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let file = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let constants = product.split("const ").skip(1).filter_map(constant);
            found.extend(constants.map(|(name, value)| ((file.clone(), name), value)));
        }
    }
}

/// `NAME: type = expression;` of a number or a duration.
fn constant(text: &str) -> Option<(String, String)> {
    let (declaration, _) = text.split_once(';')?;
    let (name, rest) = declaration.split_once(": ")?;
    let (kind, expression) = rest.split_once(" = ")?;
    let is_name = name
        .chars()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    let is_number = ["u8", "u16", "u32", "u64", "usize", "Duration"].contains(&kind);
    (is_name && is_number).then(|| (name.to_owned(), expression.to_owned()))
}

/// Works an expression out: whole numbers, `<<`, `*`, `/`, `+`, `-`, brackets, casts, seconds, and other constants.
struct Sum<'a> {
    words: Vec<&'a str>,
    constants: &'a BTreeMap<Place, String>,
    file: &'a str,
}

fn work_out(expression: &str, file: &str, constants: &BTreeMap<Place, String>) -> u128 {
    let mut words = Vec::new();
    let mut rest = expression.trim_start();
    while !rest.is_empty() {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
        let (now, later) = rest.split_at(if length > 0 {
            length
        } else {
            1 + usize::from(rest.starts_with("<<"))
        });
        words.push(now);
        rest = later.trim_start();
    }
    words.reverse();
    let mut sum = Sum {
        words,
        constants,
        file,
    };
    sum.shift()
}

impl Sum<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let there = self.words.last() == Some(&word);
        if there {
            self.words.pop();
        }
        there
    }

    fn shift(&mut self) -> u128 {
        let mut value = self.add();
        while self.takes("<<") {
            value <<= self.add();
        }
        value
    }

    fn add(&mut self) -> u128 {
        let mut value = self.multiply();
        loop {
            if self.takes("+") {
                value += self.multiply();
            } else if self.takes("-") {
                value -= self.multiply();
            } else {
                return value;
            }
        }
    }

    fn multiply(&mut self) -> u128 {
        let mut value = self.one();
        loop {
            if self.takes("*") {
                value *= self.one();
            } else if self.takes("/") {
                value /= self.one();
            } else {
                return value;
            }
        }
    }

    fn one(&mut self) -> u128 {
        let word = self.words.pop().expect("an operand");
        let value = match word {
            "(" | "Duration::from_secs" => {
                let bracket = word != "(" && self.takes("(");
                let value = self.shift();
                if word == "(" || bracket {
                    assert!(self.takes(")"));
                }
                value
            }
            number if number.starts_with(|c: char| c.is_ascii_digit()) => {
                number.replace('_', "").parse().unwrap()
            }
            path => {
                // `tensor::MAX` is that of another file, even where this one has a `MAX` too.
                let (module, name) = path.rsplit_once("::").unwrap_or_default();
                let name = if name.is_empty() { path } else { name };
                let is_it =
                    |file: &str, known: &str| known == name && (module.is_empty() || file != self.file);
                let own = (self.file.to_owned(), name.to_owned());
                let here = self.constants.get_key_value(&own).filter(|_| module.is_empty());
                let elsewhere = || {
                    self.constants
                        .iter()
                        .find(|((file, known), _)| is_it(file, known))
                };
                let ((file, _), expression) = here.or_else(elsewhere).expect("a known constant");
                work_out(expression, file, self.constants)
            }
        };
        if self.takes("as") {
            self.words.pop();
        }
        value
    }
}

/// The rows of the tables: `| `NAME` | `file` | 1,234 unit | … |`.
fn rows(text: &str) -> BTreeMap<Place, String> {
    let row = |line: &str| {
        let mut cells = line
            .strip_prefix("| `")?
            .split('|')
            .map(|cell| cell.trim().trim_matches('`').to_owned());
        let (name, file, value) = (cells.next()?, cells.next()?, cells.next()?);
        Some(((file, name), value.split(' ').next()?.replace(',', "")))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn limits_md_has_every_limit_of_the_code_with_its_value() {
    let workspace = Workspace::find().unwrap();
    let root = workspace.root();
    let mut constants = BTreeMap::new();
    for folder in CODE {
        sources(root, &root.join(folder).join("src"), &mut constants);
    }
    let rows = rows(&fs::read_to_string(root.join("docs/LIMITS.md")).unwrap());
    let is_limit = |(_, name): &&Place| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let limits: BTreeSet<&Place> = constants.keys().filter(is_limit).collect();
    assert!(limits.len() > 50, "the code has limits");
    let missing: Vec<_> = limits
        .into_iter()
        .filter(|place| !rows.contains_key(*place))
        .collect();
    assert!(missing.is_empty(), "docs/LIMITS.md does not have {missing:?}");
    for (place, written) in &rows {
        let expression = constants
            .get(place)
            .unwrap_or_else(|| panic!("the code does not have {place:?}"));
        assert_eq!(
            *written,
            work_out(expression, &place.0, &constants).to_string(),
            "{place:?}"
        );
    }
}

#[test]
fn expressions_are_worked_out() {
    let constants = [(("f".to_owned(), "A".to_owned()), "8 << 20".to_owned())].into();
    for (expression, value) in [
        ("100_000", 100_000),
        ("A / 3 * 4 + (64 << 10)", (8 << 20) / 3 * 4 + (64 << 10)),
        ("(1 << 4) - 1", 15),
        ("Duration::from_secs(24 * 3600)", 86_400),
    ] {
        assert_eq!(work_out(expression, "f", &constants), value, "{expression}");
    }
    assert_eq!(work_out("f::A as u64 + 8", "g", &constants), (8 << 20) + 8);
}
