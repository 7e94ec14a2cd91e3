//! The rules of `.dockerignore`, as Docker reads them: each is made a regular expression, the last one that
//! matches a path or a folder above it decides, `!` takes back.

use regex::bytes::{Regex, RegexBuilder};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Rules in order.
#[derive(Debug, Default)]
pub(super) struct Ignored(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    takes_back: bool,
    matches: Regex,
}

impl Ignored {
    /// Parses rules; an unreadable rule is an error, since what it keeps back would be sent.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let bad = |cause: String| format!("line {}: {cause}", number + 1);
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let line = line.trim();
            let (takes_back, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, cleaned(rest.trim())),
                None => (false, cleaned(line)),
            };
            if pattern.is_empty() || pattern == "." {
                match takes_back {
                    true => return Err(bad("`!` takes nothing back".to_owned())),
                    false => continue,
                }
            }
            let matches = expression(&pattern).map_err(bad)?;
            rules.push(Rule { takes_back, matches });
        }
        Ok(Self(rules))
    }

    /// Whether a folder that is left out may have something in it that is not.
    pub(super) fn has_exceptions(&self) -> bool {
        self.0.iter().any(|rule| rule.takes_back)
    }

    /// Whether a path of the context is left out.
    pub(super) fn covers(&self, path: &Path) -> bool {
        let mut covered = false;
        for rule in &self.0 {
            // Only rules that change the answer are evaluated.
            if rule.takes_back == covered
                && path.ancestors().any(|at| !at.as_os_str().is_empty() && rule.is(at))
            {
                covered = !covered;
            }
        }
        covered
    }
}

impl Rule {
    fn is(&self, path: &Path) -> bool {
        self.matches.is_match(path.as_os_str().as_bytes())
    }
}

/// A pattern without its meaningless parts: `.`, doubled slashes, a slash at either end, `..` with the part
/// before it.
fn cleaned(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if pattern.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// `*` and `?` stay within a name, `**` does not, `[...]` is one of some characters, `\` takes the meaning off the
/// next.
fn expression(pattern: &str) -> Result<Regex, String> {
    let mut text = String::from("^");
    let mut rest = pattern.chars().peekable();
    while let Some(one) = rest.next() {
        match one {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                text.push_str(if rest.peek().is_none() { ".*" } else { "(.*/)?" });
            }
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '[' => text.push_str(&class(&mut rest)?),
            '\\' => match rest.next() {
                Some(next) => text.push_str(&regex::escape(next.encode_utf8(&mut [0; 4]))),
                None => return Err("a `\\` at its end".to_owned()),
            },
            plain => text.push_str(&regex::escape(plain.encode_utf8(&mut [0; 4]))),
        }
    }
    text.push('$');
    let built = RegexBuilder::new(&text).dot_matches_new_line(true).build();
    built.map_err(|_| format!("`{pattern}` is not a pattern"))
}

/// What stands between brackets.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let mut text = String::from("[");
    if rest.next_if_eq(&'^').is_some() {
        text.push('^');
    }
    let mut empty = true;
    loop {
        let next = match rest.next() {
            None => return Err("a `[` without its `]`".to_owned()),
            Some(']') if !empty => break,
            Some('\\') => rest.next().ok_or("a `\\` at its end")?,
            Some('-') if !empty && rest.peek() != Some(&']') => {
                text.push('-');
                continue;
            }
            Some(other) => other,
        };
        empty = false;
        text.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])));
    }
    text.push(']');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(rules: &str, path: &str) -> bool {
        Ignored::parse(rules).expect("rules").covers(Path::new(path))
    }

    #[test]
    fn the_documented_rules() {
        for (rules, path, left_out) in [
            ("target\n", "target/debug/app", true),
            ("target\n", "src/target.rs", false),
            ("/target/\n", "target", true),
            ("./a/../b\n", "b/c", true),
            ("**/*.log\n", "a/b/c.log", true),
            ("**/*.log\n", "c.log", true),
            ("a/**/z\n", "a/z", true),
            ("a/**/z\n", "a/b/c/z", true),
            ("a/**\n", "a/b", true),
            ("a/**\n", "a", false),
            ("**\n", "a/b", true),
            ("*.md\n", "README.md", true),
            ("*.md\n", "docs/README.md", false),
            ("*.md\n!README.md\n", "README.md", false),
            ("!README.md\n*.md\n", "README.md", true),
            ("*\n!src\n", "src/main.rs", false),
            ("*\n!src\nsrc/*.tmp\n", "src/a.tmp", true),
            ("[or]*.md\n", "one.md", true),
            ("[or]*.md\n", "two.md", false),
            ("[^or]*.md\n", "two.md", true),
            ("[a-c].txt\n", "b.txt", true),
            ("[a-c].txt\n", "d.txt", false),
            ("a?c\n", "abc", true),
            ("a?c\n", "a/c", false),
            ("\\*.txt\n", "*.txt", true),
            ("\\*.txt\n", "a.txt", false),
            ("{a,b}\n", "a", false),
            ("{a,b}\n", "{a,b}", true),
            ("a.b\n", "axb", false),
            ("# comment\n", "comment", false),
            ("\u{feff}secret\n", "secret", true),
            ("  spaced  \r\n", "spaced", true),
            ("name with space\n", "name with space", true),
            (".\n", "a", false),
        ] {
            assert_eq!(ignored(rules, path), left_out, "{path} by {rules:?}");
        }
    }

    #[test]
    fn what_is_no_rule_is_named_with_its_line() {
        for (rules, line) in [("a\n[b\n", "line 2"), ("!\n", "line 1"), ("a\n\nb\\\n", "line 3")] {
            let cause = Ignored::parse(rules).expect_err("it is no rule");
            assert!(cause.starts_with(line), "{cause}");
        }
    }
}
